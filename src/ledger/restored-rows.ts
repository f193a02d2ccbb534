/** What a restore writes into the ledger: entries under the numbers that they had, and what an archive says of itself. */
import type { Queryable } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import { ExporterError } from '../errors.ts';
import { insertNew } from './append.ts';
import type { NewEntry } from './prepared-entries.ts';
import { leaseLost, type Lease } from './leases.ts';
import type { Ledger } from './ledger.ts';
import type { ObjectEvidence, ObjectPlan, StoredObject } from './objects.ts';

export interface RestoredDelivery {
  readonly sink: string;
  readonly type: string;
  readonly fingerprint: string;
  /** The archive's last sequence. */
  readonly offset: number;
}

export interface RestoredObject {
  readonly plan: ObjectPlan;
  readonly stored: StoredObject;
  readonly evidence: ObjectEvidence;
}

export interface RestoredDigest {
  readonly number: number;
  readonly reason: string;
  readonly key: string;
  readonly payloadSha256: Buffer;
  readonly throughSequence: number;
  readonly objects: number;
  readonly entries: number;
  readonly chainSha256: Buffer;
  readonly keyId: string | undefined;
  readonly nextKeyId: string | undefined;
  /** RFC 3339. */
  readonly createdAt: string;
}

const takeRow = `UPDATE ledger.organizations SET lease_until = now() + CAST($3 AS interval)
  WHERE id = $1 AND lease_epoch = $2 RETURNING next_sequence`;
const selectNext = `SELECT next_sequence FROM ledger.organizations WHERE id = $1`;
const selectHashes = `SELECT sequence, line_sha256 FROM ledger.ledger_rows
  WHERE organization = $1 AND sequence >= $2 AND sequence <= $3 ORDER BY sequence`;
const selectHeld = `SELECT entry FROM ledger.ledger_rows WHERE organization = $1 AND entry = ANY(CAST($2 AS uuid[])) LIMIT 1`;
const dropPlanned = `DELETE FROM ledger.objects
  WHERE organization = $1 AND sink = $2 AND first_sequence = $3 AND confirmed_at IS NULL`;
const insertObject = `INSERT INTO ledger.objects (organization, sink, first_sequence, last_sequence, key, entries, raw_bytes,
    content_sha256, confirmed_at, stored_sha256, stored_bytes)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), $9, $10) ON CONFLICT (organization, sink, first_sequence) DO NOTHING`;
const insertEvidence = `INSERT INTO ledger.object_evidence
    (organization, sink, first_sequence, merkle_root, first_created_at, last_created_at, first_id, last_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (organization, sink, first_sequence) DO NOTHING`;
const insertDelivery = `INSERT INTO ledger.deliveries (organization, sink, type, fingerprint, first_sequence, acknowledged)
  VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT (organization, sink) DO NOTHING`;
const moveDelivery = `UPDATE ledger.deliveries SET acknowledged = greatest(acknowledged, CAST($3 AS int8)), fingerprint = $4,
    failing_since = NULL, failure = NULL, failure_code = NULL, is_stopped = false
  WHERE organization = $1 AND sink = $2`;
const insertDigest = `INSERT INTO ledger.digests (organization, sink, number, reason, key, payload_sha256,
    through_sequence, objects, entries, chain_sha256, key_id, next_key_id, planned_at, confirmed_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, CAST($13 AS timestamptz), now())
  ON CONFLICT (organization, sink, number) DO NOTHING`;
const confirmDigest = `UPDATE ledger.digests SET confirmed_at = coalesce(confirmed_at, now()), envelope = NULL
  WHERE organization = $1 AND sink = $2 AND number = $3 AND payload_sha256 = $4`;

/** The entry in the ledger at one of these sequences is another one; undefined where all are the same. */
export async function firstDifference(
  ledger: Ledger,
  organization: number,
  entries: { readonly first: number; readonly lineSha256: readonly Buffer[] },
): Promise<number | undefined> {
  const { first, lineSha256 } = entries;
  const { rows } = await ledger.database.query<{ sequence: string; line_sha256: Buffer }>(selectHashes, [
    organization,
    first,
    first + lineSha256.length - 1,
  ]);
  const held = new Map(rows.map((row) => [Number(row.sequence), row.line_sha256]));
  const index = lineSha256.findIndex((sha256, place) => held.get(first + place)?.equals(sha256) !== true);
  return index === -1 ? undefined : first + index;
}

/**
 * Puts entries under the sequences from `first` on, which must be the next ones. Throws `lease_lost`, and `entry_twice` for
 * an entry that the ledger holds under another sequence.
 */
export async function putEntries(
  ledger: Ledger,
  lease: Lease,
  batch: { readonly first: number; readonly entries: readonly NewEntry[] },
): Promise<void> {
  const { organization } = lease.target;
  try {
    await ledger.database.transaction(async (transaction) => {
      if ((await holdRow(ledger, lease, transaction)) !== batch.first) throw leaseLost(lease.target);
      await refuseHeld(transaction, organization, batch.entries);
      await insertNew(transaction, { organization, ...batch });
    });
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === 'commit_unknown')) throw error;
    const { rows } = await ledger.database.query<{ next_sequence: string }>(selectNext, [organization]);
    if (Number(rows[0]?.next_sequence) !== batch.first + batch.entries.length) throw error;
  }
}

/** The object is the archive's and confirmed; a plan for it that was not finished is replaced. */
export async function putObject(
  ledger: Ledger,
  lease: Lease,
  place: { readonly sink: string; readonly object: RestoredObject },
): Promise<void> {
  const { organization } = lease.target;
  const { plan, stored, evidence } = place.object;
  await ledger.database.transaction(async (transaction) => {
    await holdRow(ledger, lease, transaction);
    await transaction.query(dropPlanned, [organization, place.sink, plan.firstSequence]);
    await transaction.query(insertObject, [
      organization,
      place.sink,
      plan.firstSequence,
      plan.lastSequence,
      plan.key,
      plan.entries,
      plan.rawBytes,
      plan.contentSha256,
      stored.storedSha256,
      stored.storedBytes,
    ]);
    await transaction.query(insertEvidence, [
      organization,
      place.sink,
      plan.firstSequence,
      evidence.merkleRoot,
      evidence.firstCreatedAt,
      evidence.lastCreatedAt,
      evidence.firstId,
      evidence.lastId,
    ]);
  });
}

/** The archive's sink goes on after its last object. */
export async function putDelivery(ledger: Ledger, lease: Lease, delivery: RestoredDelivery): Promise<void> {
  const { organization } = lease.target;
  const { sink, type, fingerprint, offset } = delivery;
  await ledger.database.transaction(async (transaction) => {
    await holdRow(ledger, lease, transaction);
    await transaction.query(insertDelivery, [organization, sink, type, fingerprint, offset]);
    await transaction.query(moveDelivery, [organization, sink, offset, fingerprint]);
  });
}

/** Throws `digest_differs` where the store knows another digest of this number. */
export async function putDigest(
  ledger: Ledger,
  lease: Lease,
  place: { readonly sink: string; readonly digest: RestoredDigest },
): Promise<void> {
  const { organization } = lease.target;
  const { sink, digest } = place;
  await ledger.database.transaction(async (transaction) => {
    await holdRow(ledger, lease, transaction);
    await transaction.query(insertDigest, [
      organization,
      sink,
      digest.number,
      digest.reason,
      digest.key,
      digest.payloadSha256,
      digest.throughSequence,
      digest.objects,
      digest.entries,
      digest.chainSha256,
      digest.keyId ?? null,
      digest.nextKeyId ?? null,
      digest.createdAt,
    ]);
    const confirmed = [organization, sink, digest.number, digest.payloadSha256];
    const { rowCount } = await transaction.query(confirmDigest, confirmed);
    if (rowCount === 0) throw digestDiffers(digest);
  });
}

async function holdRow(ledger: Ledger, lease: Lease, transaction: Queryable): Promise<number> {
  const { rows } = await transaction.query<{ next_sequence: string }>(takeRow, [
    lease.target.organization,
    lease.epoch,
    `${ledger.leaseMs} milliseconds`,
  ]);
  if (rows[0] === undefined) throw leaseLost(lease.target);
  return Number(rows[0].next_sequence);
}

async function refuseHeld(
  transaction: Queryable,
  organization: number,
  entries: readonly NewEntry[],
): Promise<void> {
  const keys = entries.map(({ key }) => key);
  const { rows } = await transaction.query<{ entry: string }>(selectHeld, [organization, keys]);
  const [held] = rows;
  if (held === undefined) return;
  throw new ExporterError(
    `The archive holds the entry ${held.entry} a second time, or the store has it under another sequence.`,
    { kind: 'findings', code: 'entry_twice' },
  );
}

function digestDiffers(digest: RestoredDigest): ExporterError {
  return new ExporterError(
    `The store made another digest ${digest.number} than the archive holds (${digest.key}): it did not stop where its backup was made.`,
    { kind: 'findings', code: 'digest_differs' },
  );
}
