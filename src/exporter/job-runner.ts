/**
 * Runs jobs under leases for as long as the process lives. Processes share the jobs of one store through its rows: a
 * free lease is taken, one per tick, so that several processes that start together get a share each.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createBackoff, type Backoff } from '../backoff.ts';
import { isAbort } from '../errors.ts';
import { acquireLease, type Lease, type LeaseTarget } from '../ledger/leases.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { linkSignals } from '../linked-signal.ts';
import type { Logger } from '../logger.ts';
import type { Failure } from './failure.ts';
import { toFailure } from './failure.ts';
import { giveBack } from './give-back.ts';

export interface Job {
  readonly name: string;
  readonly target: LeaseTarget;
  /** Works until the signal is aborted or something fails that waiting does not mend. */
  run(lease: Lease, signal: AbortSignal): Promise<void>;
  onLease(isHeld: boolean): void;
  /** The lease is still held: the place to write the failure down. */
  onFailure(lease: Lease, failure: Failure): Promise<void>;
}

const idleTickMs = 1000;
const busyTickMs = 50;

export async function runJobs(
  ledger: Ledger,
  jobs: readonly Job[],
  options: { readonly signal: AbortSignal; readonly logger: Logger },
): Promise<void> {
  const slots = jobs.map((job) => new Slot(ledger, job, options));
  let last = -1;
  while (!options.signal.aborted) {
    const taken = await takeNext(slots, last, options.signal);
    last = taken ?? last;
    await pause(taken === undefined ? idleTickMs : busyTickMs, options.signal);
  }
  await Promise.all(slots.map((slot) => slot.finished()));
}

/**
 * Starts one job whose lease is free, and says which. It looks on from the last that was taken: to begin anew each time would ask
 * for every lease that others have before each one that is free.
 */
async function takeNext(
  slots: readonly Slot[],
  last: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  for (let step = 1; step <= slots.length && !signal.aborted; step += 1) {
    const index = (last + step) % slots.length;
    const slot = slots[index];
    if (slot?.isFree() === true && (await slot.tryStart())) return index;
  }
  return undefined;
}

class Slot {
  readonly #ledger: Ledger;
  readonly #job: Job;
  readonly #signal: AbortSignal;
  readonly #logger: Logger;
  readonly #backoff: Backoff = createBackoff({ firstMs: 500, maxMs: 60_000 });
  #running: Promise<void> | undefined;
  #notBefore = 0;

  constructor(ledger: Ledger, job: Job, options: { readonly signal: AbortSignal; readonly logger: Logger }) {
    this.#ledger = ledger;
    this.#job = job;
    this.#signal = options.signal;
    this.#logger = options.logger.child({ job: job.name });
  }

  isFree(): boolean {
    return this.#running === undefined && performance.now() >= this.#notBefore;
  }

  async finished(): Promise<void> {
    await this.#running;
  }

  /** Whether the lease was free and the job has started. */
  async tryStart(): Promise<boolean> {
    try {
      // To wait for one row would hold up the leases of all others.
      const lease = await acquireLease(this.#ledger, this.#job.target, { unlockedOnly: true });
      if (lease === undefined) return false;
      this.#running = this.#work(lease).finally(() => {
        this.#running = undefined;
      });
      return true;
    } catch (error) {
      this.#pause(toFailure(error));
      return false;
    }
  }

  async #work(lease: Lease): Promise<void> {
    const linked = linkSignals(this.#signal, lease.signal);
    this.#job.onLease(true);
    try {
      await this.#job.run(lease, linked.signal);
      this.#backoff.reset();
    } catch (error) {
      // Once it is told to stop, or the lease is gone, whatever it throws is the echo of that.
      if (linked.signal.aborted) this.#logger.debug({ error: error }, 'job ended');
      else await this.#failed(lease, toFailure(error));
    } finally {
      linked.unlink();
      this.#job.onLease(false);
      await giveBack(lease, this.#logger);
    }
  }

  async #failed(lease: Lease, failure: Failure): Promise<void> {
    if (failure.code === 'lease_lost') {
      this.#logger.info({}, 'lease lost to another process');
      return;
    }
    this.#pause(failure);
    try {
      await this.#job.onFailure(lease, failure);
    } catch (error) {
      this.#logger.warn({ error: error }, 'failure not noted in the store');
    }
  }

  #pause(failure: Failure): void {
    const waitMs = this.#backoff.next(failure.pauseMs);
    this.#notBefore = performance.now() + waitMs;
    const fields = { error: failure.error, nextTryMs: Math.round(waitMs) };
    if (failure.isStopped) this.#logger.error(fields, 'job stopped, an operator has to look');
    else this.#logger.warn(fields, 'job failed, it will be tried again');
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!isAbort(error)) throw error;
  }
}
