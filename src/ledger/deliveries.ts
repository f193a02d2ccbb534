/**
 * One row per organization and sink: its offset, its destination's fingerprint and its lease. The offset is the last
 * sequence the sink holds durably; it moves only under the lease's epoch.
 */
import { UsageError } from '../errors.ts';
import { announceStep } from '../steps.ts';
import { nanos, nanosFromMs, type Nanos } from '../time.ts';
import type { Queryable } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import { writeJournal } from './journal.ts';
import { leaseLost, type Lease } from './leases.ts';
import type { Ledger } from './ledger.ts';
import { hasObjects } from './objects.ts';
import { toFailure, type WorkFailure } from './organizations.ts';

export interface Delivery {
  readonly organization: number;
  readonly sink: string;
  readonly type: string;
  readonly fingerprint: string;
  /** The first sequence this sink is to get. */
  readonly firstSequence: number;
  /** Entries created before it are passed over; undefined: none. */
  readonly fromTime: Nanos | undefined;
  /** The offset: the last sequence it holds durably; one less than the first at the start. */
  readonly offset: number;
  readonly lastSuccessAt: string | undefined;
  readonly failure: WorkFailure | undefined;
  readonly retiredAt: string | undefined;
}

/** Where a sink that is added now begins. */
export type DeliveryStart = 'beginning' | 'now' | Nanos;

interface DeliveryRow {
  readonly organization: string;
  readonly sink: string;
  readonly type: string;
  readonly fingerprint: string;
  readonly first_sequence: string;
  readonly from_time: string | null;
  readonly acknowledged: string;
  readonly last_success_at: string | null;
  readonly failing_since: string | null;
  readonly failure_code: string | null;
  readonly failure: string | null;
  readonly is_stopped: boolean;
  readonly retired_at: string | null;
}

const columns = `organization, sink, type, fingerprint, first_sequence, from_time, acknowledged, last_success_at, failing_since,
  failure_code, failure, is_stopped, retired_at`;
const selectDelivery = `SELECT ${columns} FROM ledger.deliveries WHERE organization = $1 AND sink = $2`;
const selectDeliveries = `SELECT ${columns} FROM ledger.deliveries ORDER BY organization, sink`;
const insertDelivery = `INSERT INTO ledger.deliveries (organization, sink, type, fingerprint, first_sequence, acknowledged, from_time)
  VALUES ($1, $2, $3, $4, $5, CAST($5 AS int8) - 1, $6)`;
const reviveDelivery = `UPDATE ledger.deliveries
  SET retired_at = NULL, type = $3, fingerprint = $4, first_sequence = $5, acknowledged = CAST($5 AS int8) - 1, from_time = $6,
    failing_since = NULL, failure = NULL, failure_code = NULL, is_stopped = false
  WHERE organization = $1 AND sink = $2 AND retired_at IS NOT NULL`;
const resumeDelivery = `UPDATE ledger.deliveries
  SET retired_at = NULL, failing_since = NULL, failure = NULL, failure_code = NULL, is_stopped = false
  WHERE organization = $1 AND sink = $2 AND retired_at IS NOT NULL`;
const retireRow = `UPDATE ledger.deliveries SET retired_at = now()
  WHERE organization = $1 AND sink = $2 AND lease_epoch = $3`;
const moveOffset = `UPDATE ledger.deliveries
  SET acknowledged = $4, last_success_at = now(), failing_since = NULL, failure = NULL, failure_code = NULL, is_stopped = false,
    lease_until = now() + CAST($5 AS interval)
  WHERE organization = $1 AND sink = $2 AND lease_epoch = $3 AND acknowledged <= CAST($4 AS int8)`;
const noteSuccess = `UPDATE ledger.deliveries
  SET last_success_at = now(), failing_since = NULL, failure = NULL, failure_code = NULL, is_stopped = false
  WHERE organization = $1 AND sink = $2 AND lease_epoch = $3`;
const noteFailure = `UPDATE ledger.deliveries
  SET failing_since = coalesce(failing_since, now()), failure_code = $4, failure = $5, is_stopped = $6
  WHERE organization = $1 AND sink = $2 AND lease_epoch = $3`;
const selectOffset = `SELECT acknowledged FROM ledger.deliveries WHERE organization = $1 AND sink = $2`;
const selectHead = `SELECT next_sequence FROM ledger.organizations WHERE id = $1`;
const selectNow = `SELECT CAST(floor(extract(epoch FROM now()) * 1000) AS int8) AS now_ms`;
const selectFirstSince = `SELECT min(sequence) AS first FROM ledger.ledger_rows
  WHERE organization = $1 AND created_at >= $2`;

export async function listDeliveries(ledger: Ledger): Promise<Delivery[]> {
  const { rows } = await ledger.database.query<DeliveryRow>(selectDeliveries);
  return rows.map(toDelivery);
}

export async function findDelivery(
  ledger: Ledger,
  organization: number,
  sink: string,
): Promise<Delivery | undefined> {
  const { rows } = await ledger.database.query<DeliveryRow>(selectDelivery, [organization, sink]);
  return rows[0] === undefined ? undefined : toDelivery(rows[0]);
}

export interface DeliveryRegistration {
  readonly organization: number;
  readonly sink: string;
  readonly type: string;
  readonly fingerprint: string;
  readonly from: DeliveryStart;
  /** Archives have no holes: where one begins late, it gets everything from its first sequence on. */
  readonly isArchive?: boolean;
}

/**
 * The delivery of this sink, made at first sight at the place its `from` names. A retired one starts anew, but an archive
 * goes on where it was: its objects stay. Throws `sink_name_used` for another destination under a retired archive's name.
 */
export async function registerDelivery(
  ledger: Ledger,
  registration: DeliveryRegistration,
): Promise<Delivery> {
  const { organization, sink, type, fingerprint } = registration;
  const known = await findDelivery(ledger, organization, sink);
  if (known !== undefined && known.retiredAt === undefined) return known;
  if (known !== undefined && (await hasObjects(ledger, organization, sink))) {
    return await resumeArchive(ledger, known, registration);
  }
  const first = await firstSequenceFrom(ledger, organization, registration.from);
  const fromTime = registration.isArchive === true ? null : await startTime(ledger, registration.from);
  const statement = known === undefined ? insertDelivery : reviveDelivery;
  try {
    await ledger.database.transaction(async (transaction) => {
      const { rowCount } = await transaction.query(statement, [
        organization,
        sink,
        type,
        fingerprint,
        first,
        fromTime,
      ]);
      // Another process revived it at the same moment.
      if (rowCount === 0) return;
      const detail = { type, destination: fingerprint, firstSequence: first };
      await writeJournal(ledger, { what: 'delivery_added', organization, sink, detail }, transaction);
    });
  } catch (error) {
    // Another process added it at the same moment.
    if (!(error instanceof DatabaseError && error.sqlState === '23505')) throw error;
  }
  const added = await findDelivery(ledger, organization, sink);
  if (added === undefined) throw new TypeError('a delivery row vanished after it was added');
  announceStep('delivery-registered', sink);
  return added;
}

async function resumeArchive(
  ledger: Ledger,
  known: Delivery,
  { organization, sink, fingerprint }: DeliveryRegistration,
): Promise<Delivery> {
  if (known.fingerprint !== fingerprint) {
    throw new UsageError(
      `The sink "${sink}" was retired when it wrote to ${known.fingerprint}, and the objects there stay listed under that name. ` +
        `Give the archive in ${fingerprint} another sink name.`,
      { code: 'sink_name_used' },
    );
  }
  const { rowCount } = await ledger.database.query(resumeDelivery, [organization, sink]);
  if (rowCount > 0) {
    await writeJournal(ledger, {
      what: 'delivery_added',
      organization,
      sink,
      detail: {
        type: known.type,
        destination: fingerprint,
        firstSequence: known.firstSequence,
        offset: known.offset,
      },
    });
  }
  return (await findDelivery(ledger, organization, sink)) ?? known;
}

/** The operator says that this sink gets nothing any more: it no longer holds back anything. Under its lease. */
export async function retireDelivery(
  ledger: Ledger,
  lease: DeliveryLease,
  delivery: Delivery,
): Promise<void> {
  await ledger.database.transaction(async (transaction) => {
    const { rowCount } = await transaction.query(retireRow, [
      delivery.organization,
      delivery.sink,
      lease.epoch,
    ]);
    if (rowCount === 0) throw leaseLost(lease.target);
    await writeJournal(
      ledger,
      {
        what: 'delivery_retired',
        organization: delivery.organization,
        sink: delivery.sink,
        detail: { offset: delivery.offset },
      },
      transaction,
    );
  });
}

/**
 * Moves the offset after a batch is durable; with `within`, in a transaction that must begin with it. Only forward.
 * After an unknown commit the row tells whether it happened.
 */
export async function acknowledge(
  ledger: Ledger,
  lease: Lease & { readonly target: { readonly work: 'deliver' } },
  offset: number,
  within?: (transaction: Queryable) => Promise<void>,
): Promise<void> {
  const { organization, sink } = lease.target;
  const commit = async (): Promise<void> =>
    await ledger.database.transaction(async (transaction) => {
      const { rowCount } = await transaction.query(moveOffset, [
        organization,
        sink,
        lease.epoch,
        offset,
        `${ledger.leaseMs} milliseconds`,
      ]);
      if (rowCount === 0) throw leaseLost(lease.target);
      await within?.(transaction);
      announceStep('before-offset-commit', sink);
    });
  try {
    await commit();
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === 'commit_unknown')) throw error;
    const { rows } = await ledger.database.query<{ acknowledged: string }>(selectOffset, [
      organization,
      sink,
    ]);
    if (Number(rows[0]?.acknowledged) < offset) await commit();
  }
  announceStep('offset-moved', sink);
}

export async function noteDeliverySuccess(ledger: Ledger, lease: DeliveryLease): Promise<void> {
  await ledger.database.query(noteSuccess, [lease.target.organization, lease.target.sink, lease.epoch]);
}

export async function noteDeliveryFailure(
  ledger: Ledger,
  lease: DeliveryLease,
  failure: { readonly code: string; readonly sentence: string; readonly isStopped: boolean },
): Promise<void> {
  const { organization, sink } = lease.target;
  await ledger.database.query(noteFailure, [
    organization,
    sink,
    lease.epoch,
    failure.code,
    failure.sentence,
    failure.isStopped,
  ]);
}

export type DeliveryLease = Lease & { readonly target: { readonly work: 'deliver' } };

/** The last sequence of an organization's ledger; 0 when it is empty. */
export async function readHead(ledger: Ledger, organization: number): Promise<number> {
  const { rows } = await ledger.database.query<{ next_sequence: string }>(selectHead, [organization]);
  return Number(rows[0]?.next_sequence ?? 1) - 1;
}

/** By the database's clock, like everything that processes compare. */
async function startTime(ledger: Ledger, from: DeliveryStart): Promise<Nanos | null> {
  if (from === 'beginning') return null;
  if (from !== 'now') return from;
  const { rows } = await ledger.database.query<{ now_ms: string }>(selectNow);
  return nanosFromMs(Number(rows[0]?.now_ms ?? Date.now()));
}

async function firstSequenceFrom(ledger: Ledger, organization: number, from: DeliveryStart): Promise<number> {
  if (from === 'beginning') return 1;
  const afterHead = (await readHead(ledger, organization)) + 1;
  if (from === 'now') return afterHead;
  const { rows } = await ledger.database.query<{ first: string | null }>(selectFirstSince, [
    organization,
    nanos(from),
  ]);
  const first = rows[0]?.first ?? null;
  return first === null ? afterHead : Number(first);
}

function toDelivery(row: DeliveryRow): Delivery {
  return {
    organization: Number(row.organization),
    sink: row.sink,
    type: row.type,
    fingerprint: row.fingerprint,
    firstSequence: Number(row.first_sequence),
    fromTime: row.from_time === null ? undefined : nanos(BigInt(row.from_time)),
    offset: Number(row.acknowledged),
    lastSuccessAt: row.last_success_at ?? undefined,
    failure: toFailure(row),
    retiredAt: row.retired_at ?? undefined,
  };
}
