/**
 * One-shots: read what is demanded, feed the sinks up to the ledger's head of that moment, exit. Jobs that another
 * process holds are waited for (a backfill) or refused (everything else).
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Sink } from '../../sinks/sink.ts';
import { startDelivery } from '../delivery/delivery.ts';
import { isDigestDue } from '../delivery/digest-delivery.ts';
import { ExporterError } from '../errors.ts';
import { findDelivery, noteDeliveryFailure, readHead, registerDelivery } from '../ledger/deliveries.ts';
import { leaseHolder, type LeaseTarget } from '../ledger/leases.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { findOrganization, type Organization } from '../ledger/organizations.ts';
import { noteReadFailure, noteReadSuccess } from '../ledger/read-health.ts';
import { demandHead, leaveDemand, readStretches } from '../ledger/stretches.ts';
import type { Interval } from '../ledger/coverage.ts';
import { linkSignals } from '../linked-signal.ts';
import { maxNanos, type Nanos } from '../time.ts';
import { sinksOf, type Exporter, type ExporterOrganization, type ExporterSink } from './exporter.ts';
import {
  afterFirstContact,
  demandOf,
  demandUntil,
  registerByName,
  startReading,
  type LeasedReading,
} from './read-work.ts';
import { LeasedTasks } from './leased-tasks.ts';
import { printRange } from './print-range.ts';
import { SinkOpening } from './sink-opening.ts';

export interface OneShotOptions {
  readonly signal: AbortSignal;
  /** How long to go on without any progress. */
  readonly giveUpAfterMs: number;
}

export interface BackfillRange {
  /** Undefined: where the organization starts. */
  readonly from: Nanos | undefined;
  readonly to: Nanos;
  /** Parts of the past that are read at once, at most. Default 1. */
  readonly parallel?: number;
}

export interface OneShotResult {
  readonly organization: string;
  /** The ledger's head that the sinks have reached. */
  readonly head: number;
  /** Entries that were new to the ledger. */
  readonly added: number;
  /** Entries printed, where there is a stdout sink and this is a backfill. */
  readonly printed: number;
}

/** How often a sink that has everything looks for more while the reading goes on. */
const feedPollMs = 50;

/** Exports a range: resolves when it is in the ledger and every sink holds the ledger up to then. */
export async function runBackfill(
  exporter: Exporter,
  range: BackfillRange,
  options: OneShotOptions,
): Promise<OneShotResult[]> {
  return await forEveryOrganization(exporter, async (configured) => {
    const shot = new OneShot(exporter, configured, options);
    const organization = await registerByName(exporter, configured);
    const demanded = demandUntil(organization, range);
    const demand = await leaveDemand(exporter.ledger, organization.id, {
      ...demanded,
      parallel: range.parallel ?? 1,
    });
    return await shot.run(organization, {
      whenHeld: 'wait',
      printedRange: demanded,
      read: async ({ reader }, signal) => {
        await reader.serveDemands(signal);
      },
      headWhenRead: () => demandHead(exporter.ledger, demand),
    });
  });
}

/** One sweep from the checkpoint, with what is still to be read of the past; then the sinks. */
export async function runOnce(exporter: Exporter, options: OneShotOptions): Promise<OneShotResult[]> {
  return await forEveryOrganization(exporter, async (configured) => {
    const shot = new OneShot(exporter, configured, options);
    const organization = await registerByName(exporter, configured);
    let isRead = false;
    return await shot.run(organization, {
      whenHeld: 'fail',
      read: async ({ reader, organization: known }, signal) => {
        await reader.readPast(demandOf(known), signal);
        await reader.sweepTail(signal);
        exporter.observer.sweepSucceeded(known.name);
        isRead = true;
      },
      headWhenRead: async () => (isRead ? await readHead(exporter.ledger, organization.id) : undefined),
    });
  });
}

/** All at once; one that fails holds back only itself, and the first failure is thrown when all have ended. */
async function forEveryOrganization(
  exporter: Exporter,
  run: (organization: ExporterOrganization) => Promise<OneShotResult>,
): Promise<OneShotResult[]> {
  const settled = await Promise.allSettled(exporter.organizations.map(run));
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

interface OneShotPlan {
  readonly whenHeld: 'wait' | 'fail';
  /** Sinks that show repeats print just this range, instead of going on from their offset. */
  readonly printedRange?: Interval;
  readonly read: (reading: LeasedReading, signal: AbortSignal) => Promise<void>;
  /** The head that sinks have to reach; undefined until everything demanded is in the ledger. */
  readonly headWhenRead: () => Promise<number | undefined>;
}

class OneShot {
  readonly #exporter: Exporter;
  readonly #configured: ExporterOrganization;
  readonly #options: OneShotOptions;
  #lastProgress = performance.now();
  #furthest: Nanos | undefined;
  #head: number | undefined;
  #added = 0;
  #printed = 0;

  constructor(exporter: Exporter, configured: ExporterOrganization, options: OneShotOptions) {
    this.#exporter = {
      ...exporter,
      observer: {
        ...exporter.observer,
        appended: (organization, result) => {
          this.#added += result.added.length;
          // The same known page over and over, before the one that fails, gets nobody further.
          if (result.added.length > 0) this.#progress();
          exporter.observer.appended(organization, result);
        },
        pastProgress: (organization, progress) => {
          if (this.#furthest === undefined || progress.at > this.#furthest) this.#progress();
          this.#furthest = maxNanos(this.#furthest ?? progress.at, progress.at);
          exporter.observer.pastProgress(organization, progress);
        },
        delivered: (place, delivered) => {
          this.#progress();
          exporter.observer.delivered(place, delivered);
        },
      },
    };
    this.#configured = configured;
    this.#options = options;
  }

  async run(organization: Organization, plan: OneShotPlan): Promise<OneShotResult> {
    const failed = new AbortController();
    const linked = linkSignals(this.#options.signal, failed.signal);
    const sinks = sinksOf(this.#exporter, organization.name);
    const work = [
      this.#read(organization, plan, linked.signal),
      ...sinks.map((sink) => this.#serve(organization, sink, { plan, signal: linked.signal })),
    ].map(async (task) => {
      try {
        await task;
      } catch (error) {
        // A sink that fails holds back only itself, also here; what can't be read ends everything.
        if (!(error instanceof ExporterError && error.kind === 'sink')) failed.abort(error);
        throw error;
      }
    });
    try {
      const [reading, ...feeding] = await Promise.allSettled(work);
      const failures = [reading, ...feeding].flatMap((result) =>
        result?.status === 'rejected' ? [result.reason] : [],
      );
      // What ended the others is the reason; they only say that they were ended.
      const [first] = failed.signal.aborted ? [failed.signal.reason] : failures;
      this.#tellOthers(sinks, feeding, first);
      if (failures.length > 0) throw first;
      return {
        organization: organization.name,
        head: this.#head ?? 0,
        added: this.#added,
        printed: this.#printed,
      };
    } finally {
      linked.unlink();
    }
  }

  /** One failure ends the command; a sink that failed beside it would else be told nowhere. */
  #tellOthers(
    sinks: readonly ExporterSink[],
    feeding: readonly PromiseSettledResult<unknown>[],
    told: unknown,
  ): void {
    for (const [index, result] of feeding.entries()) {
      if (result.status === 'fulfilled' || result.reason === told) continue;
      const error: unknown = result.reason;
      if (!(error instanceof ExporterError && error.kind === 'sink')) continue;
      const fields = { organization: this.#configured.name, sink: sinks[index]?.sink.name, error };
      this.#exporter.logger.error(fields, 'sink not fed');
    }
  }

  #tasks(task: { readonly plan: OneShotPlan; readonly signal: AbortSignal }): LeasedTasks {
    return new LeasedTasks({
      ledger: this.#exporter.ledger,
      logger: this.#exporter.logger.child({ organization: this.#configured.name }),
      whenHeld: task.plan.whenHeld,
      giveUpAfterMs: this.#options.giveUpAfterMs,
      lastProgress: () => this.#lastProgress,
      signal: task.signal,
    });
  }

  async #read(organization: Organization, plan: OneShotPlan, signal: AbortSignal): Promise<void> {
    const { ledger } = this.#exporter;
    const target = { work: 'read', organization: organization.id } as const;
    let lastPlace: string | undefined;
    await this.#tasks({ plan, signal }).run(target, {
      isDone: async () => {
        this.#head = await plan.headWhenRead();
        if (this.#head !== undefined) return true;
        // Another process that reads what this one demanded makes progress, too.
        const place = await readingPlace(ledger, organization);
        if (place !== lastPlace) this.#progress();
        lastPlace = place;
        return false;
      },
      work: async (lease, working) => {
        const reading = await startReading(
          this.#exporter,
          { organization: this.#configured, lease },
          working,
        );
        await plan.read(reading, working);
        await noteReadSuccess(ledger, lease);
      },
      note: (lease, failure) => noteReadFailure(ledger, lease, failure),
    });
  }

  async #serve(
    organization: Organization,
    exporterSink: ExporterSink,
    task: { readonly plan: OneShotPlan; readonly signal: AbortSignal },
  ): Promise<void> {
    const { sink } = exporterSink;
    const range = task.plan.printedRange;
    if (range === undefined || sink.capabilities.repeats === 'absorbed') {
      return await this.#feed(organization, exporterSink, task);
    }
    await sink.open({ signal: task.signal });
    await printRange(this.#exporter.ledger, sink, {
      organization,
      range,
      head: () => this.#head,
      onPrinted: (entries) => {
        this.#printed += entries;
        this.#progress();
      },
      signal: task.signal,
    });
  }

  async #feed(
    organization: Organization,
    exporterSink: ExporterSink,
    task: { readonly plan: OneShotPlan; readonly signal: AbortSignal },
  ): Promise<void> {
    const { ledger, logger } = this.#exporter;
    const { sink, from } = exporterSink;
    const target = { work: 'deliver', organization: organization.id, sink: sink.name } as const;
    const { type, fingerprint } = sink;
    const opening = new SinkOpening(sink);
    await registerDelivery(ledger, {
      organization: organization.id,
      sink: sink.name,
      type,
      fingerprint,
      from,
      isArchive: sink.capabilities.roll !== undefined,
    });
    const offset = async (): Promise<number> =>
      (await findDelivery(ledger, organization.id, sink.name))?.offset ?? 0;
    let lastOffset = await offset();
    await this.#tasks(task).run(target, {
      isDone: async () => {
        const now = await offset();
        if (now > lastOffset) this.#progress();
        lastOffset = now;
        if (this.#head === undefined || now < this.#head) return false;
        // Where there was nothing to feed, the sink shows at least that it could take it.
        if (this.#head === 0) await opening.open(task.signal);
        return await this.#isSigned(target, sink);
      },
      work: async (lease, working) => {
        await opening.open(working);
        const delivery = await startDelivery(
          {
            ...this.#exporter,
            lease: { ...lease, target },
            organization: await afterFirstContact(ledger, organization, working),
            sink,
            logger: logger.child({ organization: organization.name, sink: sink.name }),
          },
          working,
        );
        for (;;) {
          const head = this.#head;
          await delivery.feed({ flush: head !== undefined, signal: working });
          const isAtEnd = head !== undefined && delivery.offset >= head;
          await delivery.writeDigests(isAtEnd ? 'end' : 'due', working);
          if (isAtEnd) return;
          await delay(feedPollMs, undefined, { signal: working });
        }
      },
      note: (lease, failure) => noteDeliveryFailure(ledger, { ...lease, target }, failure),
    });
  }

  /** Whether no digest is left to write. What another process feeds, it also signs in its time. */
  async #isSigned(target: LeaseTarget & { readonly work: 'deliver' }, sink: Sink): Promise<boolean> {
    if (sink.writeDigest === undefined) return true;
    if ((await leaseHolder(this.#exporter.ledger, target)) !== undefined) return true;
    return !(await isDigestDue(this.#exporter, target, 'end'));
  }

  #progress(): void {
    this.#lastProgress = performance.now();
  }
}

/** Moves with every page that brings something, whoever reads it. */
async function readingPlace(ledger: Ledger, { id, name }: Organization): Promise<string> {
  const current = await findOrganization(ledger, name);
  const stretches = await readStretches(ledger, id);
  const checkpoints = stretches.map(({ from, checkpoint }) => `${from} ${checkpoint ?? ''}`);
  return [current?.nextSequence, current?.tailCheckpoint, ...checkpoints].join(', ');
}
