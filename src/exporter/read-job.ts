/**
 * The daemon's reading of one organization: the tail at every tick, the past beside it, the re-scan on its own
 * schedule. Each of the three fails and recovers by itself.
 */
import { createBackoff } from '../backoff.ts';
import type { Lease } from '../ledger/leases.ts';
import { noteReadFailure, noteReadSuccess } from '../ledger/read-health.ts';
import { pruneSegments } from '../ledger/prune.ts';
import { forgetMetDemands } from '../ledger/stretches.ts';
import { linkSignals } from '../linked-signal.ts';
import type { Logger } from '../logger.ts';
import { Trigger } from '../trigger.ts';
import type { Exporter, ExporterOrganization, ScheduledReconciling } from './exporter.ts';
import { toFailure, type Failure } from './failure.ts';
import type { Job } from './job-runner.ts';
import { demandOf, startReading } from './read-work.ts';

/** How often the holder looks for what a backfill of another process demands. */
const demandPollMs = 2000;
const upkeepEveryMs = 3_600_000;

export interface ReadJob {
  readonly job: Job;
  /** Reads the tail now. */
  sweep(): void;
  /** Goes over the last days again. */
  rescan(): void;
  /** Compares with the API, where that was asked for. */
  reconcile(): void;
}

export function createReadJob(
  exporter: Exporter,
  organization: ExporterOrganization & { readonly id: number },
  reconciling?: Pick<ScheduledReconciling, 'run'>,
): ReadJob {
  const tailTrigger = new Trigger();
  const rescanTrigger = new Trigger();
  const reconcileTrigger = new Trigger();
  const work = { organization: organization.name, sink: undefined };
  const job: Job = {
    name: `read ${organization.name}`,
    target: { work: 'read', organization: organization.id },
    onLease: (isHeld) => exporter.observer.leaseHeld(work, isHeld),
    onFailure: async (lease, failure) => {
      exporter.observer.failure(work, failure);
      await noteReadFailure(exporter.ledger, lease, failure);
    },
    run: async (lease, signal) => {
      const {
        reader,
        organization: known,
        source,
      } = await startReading(exporter, { organization, lease }, signal);
      let isPastRead = false;
      const loops = new Loops(exporter, { lease, organization: organization.name });
      await loops.run(signal, {
        tail: {
          wait: (ending) => tailTrigger.wait({ signal: ending }),
          work: async (ending) => {
            await reader.sweepTail(ending);
            exporter.observer.sweepSucceeded(organization.name);
          },
        },
        past: {
          wait: (ending) => new Trigger().wait({ timeoutMs: demandPollMs, signal: ending }),
          work: async (ending) => {
            // Nobody else changes what is covered while the lease is held.
            if (!isPastRead) await reader.readPast(demandOf(known), ending);
            isPastRead = true;
            await reader.serveDemands(ending);
          },
        },
        rescan: {
          waitsFirst: true,
          wait: (ending) => rescanTrigger.wait({ signal: ending }),
          work: (ending) => reader.rescan(ending),
        },
        reconcile: {
          waitsFirst: true,
          wait: (ending) => reconcileTrigger.wait({ signal: ending }),
          work: async (ending) => {
            const repair = reader.appendMissing.bind(reader);
            await reconciling?.run({ exporter, organization: known.name, source, repair }, ending);
          },
        },
        upkeep: {
          wait: (ending) => new Trigger().wait({ timeoutMs: upkeepEveryMs, signal: ending }),
          work: async () => {
            await prune(exporter, { organization, lease });
            await forgetMetDemands(exporter.ledger);
            await exporter.ledger.database.maintain?.();
          },
        },
      });
    },
  };
  return {
    job,
    sweep: () => tailTrigger.fire(),
    rescan: () => rescanTrigger.fire(),
    reconcile: () => reconcileTrigger.fire(),
  };
}

/** Only where a retention is set; everything that holds it back is told. */
async function prune(
  exporter: Exporter,
  work: { readonly organization: ExporterOrganization & { readonly id: number }; readonly lease: Lease },
): Promise<void> {
  const { retentionMs } = exporter;
  if (retentionMs === undefined) return;
  const { id, name } = work.organization;
  const pruned = await pruneSegments(exporter.ledger, work.lease, { organization: id, retentionMs });
  if (pruned.segments > 0 || pruned.heldBackBy !== undefined) {
    exporter.logger.info({ organization: name, ...pruned }, 'raw text pruned');
  }
}

interface Loop {
  readonly waitsFirst?: boolean;
  wait(signal: AbortSignal): Promise<void>;
  work(signal: AbortSignal): Promise<void>;
}

/** Loops side by side until the signal; the row tells the failure of any of them, and success when none fails. */
class Loops {
  readonly #exporter: Exporter;
  readonly #lease: Lease;
  readonly #organization: string;
  readonly #logger: Logger;
  readonly #failures = new Map<string, Failure>();

  constructor(exporter: Exporter, work: { readonly lease: Lease; readonly organization: string }) {
    this.#exporter = exporter;
    this.#lease = work.lease;
    this.#organization = work.organization;
    this.#logger = exporter.logger.child({ organization: work.organization });
  }

  async run(signal: AbortSignal, loops: Readonly<Record<string, Loop>>): Promise<void> {
    const failed = new AbortController();
    const linked = linkSignals(signal, failed.signal);
    const running = Object.entries(loops).map(async ([name, loop]) => {
      try {
        await this.#loop(name, loop, linked.signal);
      } catch (error) {
        // What waiting does not mend in one loop ends the others: the job starts anew under a fresh lease.
        failed.abort(error);
        throw error;
      }
    });
    try {
      await Promise.all(running);
    } finally {
      await Promise.allSettled(running);
      linked.unlink();
    }
  }

  async #loop(name: string, loop: Loop, signal: AbortSignal): Promise<void> {
    const backoff = createBackoff({ firstMs: 1000, maxMs: 60_000 });
    if (loop.waitsFirst === true) await loop.wait(signal);
    while (!signal.aborted) {
      try {
        await loop.work(signal);
        backoff.reset();
        await this.#succeeded(name);
        await loop.wait(signal);
      } catch (error) {
        if (signal.aborted) return;
        const failure = toFailure(error);
        if (failure.isStopped || failure.code === 'lease_lost') throw error;
        await this.#failed(name, failure);
        const waitMs = backoff.next(failure.pauseMs);
        const fields = { error: failure.error, nextTryMs: Math.round(waitMs) };
        this.#logger.warn(fields, `${name} failed, it will be tried again`);
        await new Trigger().wait({ timeoutMs: waitMs, signal });
      }
    }
  }

  async #succeeded(name: string): Promise<void> {
    const hadFailed = this.#failures.delete(name);
    if (this.#failures.size > 0) return;
    if (hadFailed) this.#logger.info({}, `${name} goes on again`);
    // The tail's success is the organization's; the others look often and mostly find nothing to do.
    if (!hadFailed && name !== 'tail') return;
    await noteReadSuccess(this.#exporter.ledger, this.#lease);
    this.#exporter.observer.failure({ organization: this.#organization, sink: undefined }, undefined);
  }

  async #failed(name: string, failure: Failure): Promise<void> {
    this.#failures.set(name, failure);
    this.#exporter.observer.failure({ organization: this.#organization, sink: undefined }, failure);
    try {
      await noteReadFailure(this.#exporter.ledger, this.#lease, failure);
    } catch (error) {
      this.#logger.warn({ error: error }, 'failure not noted in the store');
    }
  }
}
