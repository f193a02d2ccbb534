/**
 * Work under a lease for one-shots: taken where it is free, waited for or refused where another process has it, taken up
 * again after what passes, and given up, with every position kept, after some time without progress.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createBackoff } from '../backoff.ts';
import { ExporterError, isAbort } from '../errors.ts';
import {
  acquireLease,
  leaseHolder,
  type Lease,
  type LeaseHolder,
  type LeaseTarget,
} from '../ledger/leases.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { linkSignals } from '../linked-signal.ts';
import type { Logger } from '../logger.ts';
import { isWorthRepeating, toFailure, type Failure } from './failure.ts';
import { giveBack } from './give-back.ts';

export interface LeasedTaskOptions {
  readonly ledger: Ledger;
  readonly logger: Logger;
  /** What to do where a living process has the lease. */
  readonly whenHeld: 'wait' | 'fail';
  readonly giveUpAfterMs: number;
  /** When something was last got done, by `performance.now()`. */
  readonly lastProgress: () => number;
  readonly signal: AbortSignal;
}

export interface LeasedSteps {
  /** Asked before every try; also whoever else holds the lease may have done it. */
  readonly isDone: () => Promise<boolean>;
  readonly work: (lease: Lease, signal: AbortSignal) => Promise<void>;
  /** Writes a failure down while the lease is still held. */
  readonly note: (lease: Lease, failure: Failure) => Promise<void>;
}

/** How often to look again at what another process does. */
const pollMs = 500;

export class LeasedTasks {
  readonly #options: LeasedTaskOptions;

  constructor(options: LeasedTaskOptions) {
    this.#options = options;
  }

  /** Does the work under its lease, or waits for who holds it, until it is done; repeats what is worth it. */
  async run(target: LeaseTarget, steps: LeasedSteps): Promise<void> {
    const backoff = createBackoff({ firstMs: 500, maxMs: 10_000 });
    const { signal } = this.#options;
    let failingSince: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      try {
        if (await steps.isDone()) return;
        const lease = await acquireLease(this.#options.ledger, target);
        if (lease === undefined) await this.#waitForHolder(target);
        else await this.#work(lease, steps);
        backoff.reset();
        failingSince = undefined;
      } catch (error) {
        signal.throwIfAborted();
        if (isAbort(error) || !isWorthRepeating(error)) throw error;
        failingSince ??= performance.now();
        if (
          performance.now() - Math.max(failingSince, this.#options.lastProgress()) >
          this.#options.giveUpAfterMs
        )
          throw gaveUp(error, this.#options);
        const waitMs = backoff.next();
        this.#options.logger.warn(
          { ...describeTarget(target), error, nextTryMs: Math.round(waitMs) },
          'trying again',
        );
        await delay(waitMs, undefined, { signal });
      }
    }
  }

  async #work(lease: Lease, steps: LeasedSteps): Promise<void> {
    const { signal } = this.#options;
    const linked = linkSignals(signal, lease.signal);
    try {
      await steps.work(lease, linked.signal);
    } catch (error) {
      // Whatever it broke off with, the reason is the lost lease, and the work can be taken up again under another.
      if (!signal.aborted && lease.signal.aborted) throw lease.signal.reason;
      if (!signal.aborted) await this.#note(lease, error, steps.note);
      throw error;
    } finally {
      linked.unlink();
      await giveBack(lease, this.#options.logger);
    }
  }

  async #note(lease: Lease, error: unknown, note: LeasedSteps['note']): Promise<void> {
    try {
      await note(lease, toFailure(error));
    } catch (noteError) {
      this.#options.logger.warn({ error: noteError }, 'failure not noted in the store');
    }
  }

  async #waitForHolder(target: LeaseTarget): Promise<void> {
    const { signal } = this.#options;
    const holder = await leaseHolder(this.#options.ledger, target);
    await delay(pollMs, undefined, { signal });
    if (this.#options.whenHeld === 'fail' && holder !== undefined) {
      await this.#refuseLiving(target, holder, signal);
      return;
    }
    if (performance.now() - this.#options.lastProgress() > this.#options.giveUpAfterMs) {
      throw gaveUp(
        heldByOther(target, (await leaseHolder(this.#options.ledger, target))?.holder),
        this.#options,
      );
    }
  }

  /** A dead holder's lease is waited for, one lease time at most; one that is renewed has somebody behind it. */
  async #refuseLiving(target: LeaseTarget, first: LeaseHolder, signal: AbortSignal): Promise<void> {
    for (;;) {
      const holder = await leaseHolder(this.#options.ledger, target);
      if (holder === undefined) return;
      if (holder.until !== first.until) throw heldByOther(target, holder.holder);
      await delay(pollMs, undefined, { signal });
    }
  }
}

function heldByOther(target: LeaseTarget, holder: string | undefined): ExporterError {
  const job = target.work === 'read' ? 'reads this organization' : `feeds the sink "${target.sink}"`;
  return new ExporterError(
    `Another process (${holder ?? 'gone by now'}) ${job} at the moment. Let it finish, or stop it first; ` +
      'a killed one’s lease runs out by itself.',
    { kind: 'held', code: 'lease_held' },
  );
}

function gaveUp(error: unknown, options: LeasedTaskOptions): unknown {
  if (!(error instanceof ExporterError)) return error;
  const seconds = Math.round(options.giveUpAfterMs / 1000);
  return new ExporterError(
    `${error.message} Gave up after ${seconds} s without progress (--give-up-after); every position is kept, run it again to go on.`,
    { kind: error.kind, code: error.code, cause: error },
  );
}

/** Without the organization's number, which nobody knows; the logger has its name. */
function describeTarget(target: LeaseTarget): object {
  return target.work === 'read' ? { work: 'read' } : { work: 'deliver', sink: target.sink };
}
