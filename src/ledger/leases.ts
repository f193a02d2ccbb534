/**
 * The right of one process to do one job: to read an organization, or to feed a sink.
 *
 * A lease is three columns of the row it protects. It runs out by the database's clock; taking it raises its epoch,
 * and every commit of a position names the epoch it was taken with, so a process that slept through the end of its
 * lease can't move anything. It can still reach a destination, which is why sinks absorb repeats.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ExporterError, isAbort } from '../errors.ts';
import { announceStep } from '../steps.ts';
import type { Ledger } from './ledger.ts';

/** The row that a lease protects. */
export type LeaseTarget =
  | { readonly work: 'read'; readonly organization: number }
  | { readonly work: 'deliver'; readonly organization: number; readonly sink: string };

export interface Lease {
  readonly target: LeaseTarget;
  readonly epoch: string;
  /** Aborted when the lease is lost or could not be renewed in time: stop, nothing can be committed any more. */
  readonly signal: AbortSignal;
  /** Gives the lease back, so that the next process need not wait. Idempotent. */
  release(): Promise<void>;
}

export interface LeaseHolder {
  readonly holder: string;
  readonly until: string;
}

const isFree = '(lease_until IS NULL OR lease_until < now())';
const take = 'lease_holder = $2, lease_epoch = lease_epoch + 1, lease_until = now() + CAST($3 AS interval)';
const freeRead = `id = $1 AND ${isFree}`;
const freeDeliver = `organization = $1 AND sink = $4 AND retired_at IS NULL AND ${isFree}`;
const acquireRead = `UPDATE ledger.organizations SET ${take} WHERE ${freeRead} RETURNING lease_epoch`;
const acquireDeliver = `UPDATE ledger.deliveries SET ${take} WHERE ${freeDeliver} RETURNING lease_epoch`;
const acquireUnlockedRead = `UPDATE ledger.organizations SET ${take}
  WHERE id = (SELECT id FROM ledger.organizations WHERE ${freeRead} FOR UPDATE SKIP LOCKED) RETURNING lease_epoch`;
const acquireUnlockedDeliver = `UPDATE ledger.deliveries SET ${take} WHERE organization = $1
  AND sink = (SELECT sink FROM ledger.deliveries WHERE ${freeDeliver} FOR UPDATE SKIP LOCKED) RETURNING lease_epoch`;
const renewRead = `UPDATE ledger.organizations SET lease_until = now() + CAST($3 AS interval)
  WHERE id = $1 AND lease_epoch = $2`;
const renewDeliver = `UPDATE ledger.deliveries SET lease_until = now() + CAST($3 AS interval)
  WHERE organization = $1 AND lease_epoch = $2 AND sink = $4`;
const releaseRead = `UPDATE ledger.organizations SET lease_until = NULL, lease_holder = NULL
  WHERE id = $1 AND lease_epoch = $2`;
const releaseDeliver = `UPDATE ledger.deliveries SET lease_until = NULL, lease_holder = NULL
  WHERE organization = $1 AND lease_epoch = $2 AND sink = $3`;
const holderOfRead = `SELECT lease_holder AS holder, lease_until AS until FROM ledger.organizations
  WHERE id = $1 AND lease_until >= now()`;
const holderOfDeliver = `SELECT lease_holder AS holder, lease_until AS until FROM ledger.deliveries
  WHERE organization = $1 AND sink = $2 AND lease_until >= now()`;

const endReadLeases = `UPDATE ledger.organizations SET lease_until = NULL, lease_holder = NULL
  WHERE lease_until IS NOT NULL`;
const endDeliverLeases = `UPDATE ledger.deliveries SET lease_until = NULL, lease_holder = NULL
  WHERE lease_until IS NOT NULL`;

/** How many times a lease is renewed within its time, so that one slow statement does not lose it. */
const renewalsPerLease = 3;

/**
 * Takes the lease if it is free; undefined if another process has it. A process that was stopped inside a transaction keeps
 * its row locked beyond its lease: with `unlockedOnly` such a row counts as taken, instead of being waited for.
 */
export async function acquireLease(
  ledger: Ledger,
  target: LeaseTarget,
  options: { readonly unlockedOnly?: boolean } = {},
): Promise<Lease | undefined> {
  const unlockedOnly = options.unlockedOnly === true;
  const common = [target.organization, ledger.actor, `${ledger.leaseMs} milliseconds`];
  const taken = performance.now();
  const { rows } = await (target.work === 'read'
    ? ledger.database.query<{ lease_epoch: string }>(unlockedOnly ? acquireUnlockedRead : acquireRead, common)
    : ledger.database.query<{ lease_epoch: string }>(unlockedOnly ? acquireUnlockedDeliver : acquireDeliver, [
        ...common,
        target.sink,
      ]));
  const epoch = rows[0]?.lease_epoch;
  if (epoch === undefined) return undefined;
  announceStep('lease-taken', target.work === 'read' ? undefined : target.sink);
  return holdLease(ledger, { target, epoch, taken });
}

/** Who has the lease now; undefined when it is free. */
export async function leaseHolder(ledger: Ledger, target: LeaseTarget): Promise<LeaseHolder | undefined> {
  const { rows } = await (target.work === 'read'
    ? ledger.database.query<LeaseHolder>(holderOfRead, [target.organization])
    : ledger.database.query<LeaseHolder>(holderOfDeliver, [target.organization, target.sink]));
  return rows[0];
}

/**
 * Ends every lease at once: for the embedded store, which only one process can have open, so that whoever holds a lease
 * is dead. Its epochs are over with the next lease that is taken.
 */
export async function endAllLeases(ledger: Ledger): Promise<void> {
  await ledger.database.query(endReadLeases);
  await ledger.database.query(endDeliverLeases);
}

/** What a commit under a lost lease rejects with. */
export function leaseLost(target: LeaseTarget): ExporterError {
  const job = target.work === 'read' ? 'reading the organization' : `feeding the sink "${target.sink}"`;
  return new ExporterError(`The lease for ${job} was lost to another process; nothing was committed.`, {
    kind: 'held',
    code: 'lease_lost',
    retryable: true,
  });
}

type RenewalOutcome = 'renewed' | 'lost' | 'failed';

interface HeldLease {
  readonly target: LeaseTarget;
  readonly epoch: string;
  /** `performance.now()` just before the lease was taken or renewed. */
  readonly taken: number;
}

function holdLease(ledger: Ledger, held: HeldLease): Lease {
  const lost = new AbortController();
  const ended = new AbortController();
  const renewing = keepRenewing(ledger, held, { lost, ended: ended.signal });
  let releasing: Promise<void> | undefined;
  const release = async (): Promise<void> => {
    ended.abort();
    await renewing;
    if (lost.signal.aborted) return;
    lost.abort(leaseLost(held.target));
    const parameters = [held.target.organization, held.epoch];
    if (held.target.work === 'read') await ledger.database.query(releaseRead, parameters);
    else await ledger.database.query(releaseDeliver, [...parameters, held.target.sink]);
    announceStep('lease-released', held.target.work === 'read' ? undefined : held.target.sink);
  };
  return {
    target: held.target,
    epoch: held.epoch,
    signal: lost.signal,
    release: () => (releasing ??= release()),
  };
}

async function keepRenewing(
  ledger: Ledger,
  held: HeldLease,
  signals: { readonly lost: AbortController; readonly ended: AbortSignal },
): Promise<void> {
  let validUntil = held.taken + ledger.leaseMs;
  while (!signals.ended.aborted) {
    try {
      await delay(ledger.leaseMs / renewalsPerLease, undefined, { signal: signals.ended, ref: false });
    } catch (error) {
      if (isAbort(error)) return;
      throw error;
    }
    const asked = performance.now();
    const outcome = await renewBefore(ledger, held, { validUntil, ended: signals.ended });
    if (outcome === 'renewed') validUntil = asked + ledger.leaseMs;
    else if (outcome === 'lost' || performance.now() >= validUntil) {
      signals.lost.abort(leaseLost(held.target));
      return;
    }
  }
}

/** `failed` when the store could not say, or did not before the lease's end. */
async function renewBefore(
  ledger: Ledger,
  held: HeldLease,
  limits: { readonly validUntil: number; readonly ended: AbortSignal },
): Promise<RenewalOutcome> {
  const wait = new AbortController();
  const stopWaiting = (): void => wait.abort();
  limits.ended.addEventListener('abort', stopWaiting, { once: true });
  try {
    const timeLeftMs = Math.max(0, limits.validUntil - performance.now());
    const deadline = delay<RenewalOutcome>(timeLeftMs, 'failed', { signal: wait.signal, ref: false });
    return await Promise.race([renew(ledger, held), deadline.catch((): RenewalOutcome => 'failed')]);
  } finally {
    limits.ended.removeEventListener('abort', stopWaiting);
    wait.abort();
  }
}

async function renew(ledger: Ledger, held: HeldLease): Promise<RenewalOutcome> {
  const parameters = [held.target.organization, held.epoch, `${ledger.leaseMs} milliseconds`];
  try {
    const { rowCount } =
      held.target.work === 'read'
        ? await ledger.database.query(renewRead, parameters)
        : await ledger.database.query(renewDeliver, [...parameters, held.target.sink]);
    return rowCount === 1 ? 'renewed' : 'lost';
  } catch (error) {
    ledger.logger.warn({ ...held.target, error }, 'lease not renewed, the store did not answer');
    return 'failed';
  }
}
