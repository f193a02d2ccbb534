/**
 * Objects of archive sinks: the range of the next one is written here before the object is put, so that whoever
 * repeats the step writes the same range; it is confirmed together with the offset. At most one is planned at a time:
 * the next one in the commit that confirms it at the earliest.
 */
import type { Queryable } from '../database/database.ts';
import { announceStep } from '../steps.ts';
import type { Nanos } from '../time.ts';
import { leaseLost } from './leases.ts';
import type { DeliveryLease } from './deliveries.ts';
import type { Ledger } from './ledger.ts';

export interface ObjectPlan {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The object's name relative to the sink's prefix or directory. */
  readonly key: string;
  readonly entries: number;
  readonly rawBytes: number;
  /** SHA-256 over the lines, each with its line feed. */
  readonly contentSha256: Buffer;
}

export interface StoredObject {
  readonly storedSha256: Buffer;
  readonly storedBytes: number;
}

/** What a digest says of an object beyond its plan. */
export interface ObjectEvidence {
  /** Over the hashes of its lines. */
  readonly merkleRoot: Buffer;
  /** Of its first and its last entry. */
  readonly firstCreatedAt: Nanos;
  readonly lastCreatedAt: Nanos;
  readonly firstId: string;
  readonly lastId: string;
}

/** The columns of a plan as the database prints them. */
export interface PlanRow {
  readonly first_sequence: string;
  readonly last_sequence: string;
  readonly key: string;
  readonly entries: string;
  readonly raw_bytes: string;
  readonly content_sha256: Buffer;
}

const columns = 'first_sequence, last_sequence, key, entries, raw_bytes, content_sha256';
const takeRow = `UPDATE ledger.deliveries SET lease_until = now() + CAST($4 AS interval)
  WHERE organization = $1 AND sink = $2 AND lease_epoch = $3`;
const selectPlanned = `SELECT ${columns} FROM ledger.objects
  WHERE organization = $1 AND sink = $2 AND confirmed_at IS NULL ORDER BY first_sequence LIMIT 1`;
const insertPlan = `INSERT INTO ledger.objects
    (organization, sink, first_sequence, last_sequence, key, entries, raw_bytes, content_sha256)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;
const confirmPlan = `UPDATE ledger.objects SET confirmed_at = now(), stored_sha256 = $4, stored_bytes = $5
  WHERE organization = $1 AND sink = $2 AND first_sequence = $3`;
/** In one statement: an archive of a few entries a day makes many objects, each of whose commits waits for every statement. */
const confirmPlanWithEvidence = `WITH confirmed AS (${confirmPlan} RETURNING first_sequence)
  INSERT INTO ledger.object_evidence
    (organization, sink, first_sequence, merkle_root, first_created_at, last_created_at, first_id, last_id)
  VALUES ($1, $2, $3, $6, $7, $8, $9, $10)`;
const selectKeys = `SELECT key FROM ledger.objects WHERE organization = $1 AND sink = $2`;
const selectAny = `SELECT key FROM ledger.objects WHERE organization = $1 AND sink = $2 LIMIT 1`;
const selectHolding = `SELECT key FROM ledger.objects
  WHERE organization = $1 AND sink = $2 AND first_sequence <= $3 AND last_sequence >= $3 AND confirmed_at IS NOT NULL`;

/** The object that was planned and not yet confirmed. */
export async function plannedObject(
  ledger: Ledger,
  organization: number,
  sink: string,
): Promise<ObjectPlan | undefined> {
  const { rows } = await ledger.database.query<PlanRow>(selectPlanned, [organization, sink]);
  const row = rows[0];
  return row === undefined ? undefined : toPlan(row);
}

export function toPlan(row: PlanRow): ObjectPlan {
  return {
    firstSequence: Number(row.first_sequence),
    lastSequence: Number(row.last_sequence),
    key: row.key,
    entries: Number(row.entries),
    rawBytes: Number(row.raw_bytes),
    contentSha256: row.content_sha256,
  };
}

/** Writes the plan down under the lease's epoch. */
export async function planObject(ledger: Ledger, lease: DeliveryLease, plan: ObjectPlan): Promise<void> {
  await ledger.database.transaction(async (transaction) => {
    await holdDelivery(ledger, lease, transaction);
    await writePlan(transaction, lease, plan);
  });
  planCommitted(lease);
}

/** To be run in a transaction that has taken the delivery's row; `planCommitted` comes after the commit. */
export async function writePlan(
  transaction: Queryable,
  lease: DeliveryLease,
  plan: ObjectPlan,
): Promise<void> {
  const { organization, sink } = lease.target;
  await transaction.query(insertPlan, [
    organization,
    sink,
    plan.firstSequence,
    plan.lastSequence,
    plan.key,
    plan.entries,
    plan.rawBytes,
    plan.contentSha256,
  ]);
  announceStep('before-plan-commit', sink);
}

export function planCommitted(lease: DeliveryLease): void {
  announceStep('object-planned', lease.target.sink);
}

export interface ConfirmedObject {
  readonly plan: ObjectPlan;
  readonly stored: StoredObject;
  readonly evidence?: ObjectEvidence;
}

/** What a transaction under a delivery's lease begins with, unless it moves the offset. Throws when the lease is lost. */
export async function holdDelivery(
  ledger: Ledger,
  lease: DeliveryLease,
  transaction: Queryable,
): Promise<void> {
  const { organization, sink } = lease.target;
  const duration = `${ledger.leaseMs} milliseconds`;
  const { rowCount } = await transaction.query(takeRow, [organization, sink, lease.epoch, duration]);
  if (rowCount === 0) throw leaseLost(lease.target);
}

/** To be run in the transaction that moves the offset. */
export async function confirmObject(
  transaction: Queryable,
  lease: DeliveryLease,
  object: ConfirmedObject,
): Promise<void> {
  const { organization, sink } = lease.target;
  const { plan, stored, evidence } = object;
  const confirmation = [organization, sink, plan.firstSequence, stored.storedSha256, stored.storedBytes];
  if (evidence === undefined) {
    await transaction.query(confirmPlan, confirmation);
    return;
  }
  await transaction.query(confirmPlanWithEvidence, [
    ...confirmation,
    evidence.merkleRoot,
    evidence.firstCreatedAt,
    evidence.lastCreatedAt,
    evidence.firstId,
    evidence.lastId,
  ]);
}

/** Every object of this delivery that the ledger knows, planned or confirmed. */
export async function knownObjectKeys(
  ledger: Ledger,
  organization: number,
  sink: string,
): Promise<Set<string>> {
  const { rows } = await ledger.database.query<{ key: string }>(selectKeys, [organization, sink]);
  return new Set(rows.map((row) => row.key));
}

/** Whether anything was ever planned or written as an object for this delivery. */
export async function hasObjects(ledger: Ledger, organization: number, sink: string): Promise<boolean> {
  const { rows } = await ledger.database.query(selectAny, [organization, sink]);
  return rows.length > 0;
}

/** The confirmed object that holds a sequence. */
export async function objectHolding(
  ledger: Ledger,
  place: { readonly organization: number; readonly sink: string; readonly sequence: number },
): Promise<string | undefined> {
  const { rows } = await ledger.database.query<{ key: string }>(selectHolding, [
    place.organization,
    place.sink,
    place.sequence,
  ]);
  return rows[0]?.key;
}

export interface ObjectRange {
  readonly key: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

const selectRanges = `SELECT key, first_sequence, last_sequence FROM ledger.objects
  WHERE organization = $1 AND sink = $2 AND last_sequence >= $3 AND first_sequence <= $4 AND confirmed_at IS NOT NULL
  ORDER BY first_sequence`;

/** The confirmed objects that hold any of a range of sequences, in its order. */
export async function objectRanges(
  ledger: Ledger,
  place: {
    readonly organization: number;
    readonly sink: string;
    readonly first: number;
    readonly last: number;
  },
): Promise<ObjectRange[]> {
  const { rows } = await ledger.database.query<PlanRow>(selectRanges, [
    place.organization,
    place.sink,
    place.first,
    place.last,
  ]);
  return rows.map((row) => ({
    key: row.key,
    firstSequence: Number(row.first_sequence),
    lastSequence: Number(row.last_sequence),
  }));
}
