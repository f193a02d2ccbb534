/**
 * Digests of archives. The next one is written down here, byte for byte, before it is put, so that whoever repeats the
 * step puts the same; at most one is planned at a time. The plan's commit names the lease's epoch. What it lists:
 * `digest-material.ts`.
 */
import { announceStep } from '../steps.ts';
import type { Nanos } from '../time.ts';
import type { DeliveryLease } from './deliveries.ts';
import type { ChangedEntry, JournalLine } from './digest-material.ts';
import { writeJournal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import { fromMicroseconds, microseconds } from './microseconds.ts';
import { holdDelivery } from './objects.ts';

/** An organization's archive in one sink. */
export interface ArchivePlace {
  readonly organization: number;
  readonly sink: string;
}

export interface DigestRecord extends DigestTotals {
  readonly number: number;
  readonly payloadSha256: Buffer;
  /** Who signed it; undefined: nobody. */
  readonly keyId: string | undefined;
  /** The key it names for the digests after it. */
  readonly nextKeyId: string | undefined;
}

/** The archive's totals after a digest. */
export interface DigestTotals {
  readonly throughSequence: number;
  readonly objects: number;
  readonly entries: number;
  readonly chainSha256: Buffer;
}

export interface DigestState {
  /** The database's clock. */
  readonly now: Nanos;
  /** Since the last digest was planned, or, without one, since the delivery was added. */
  readonly ageMs: number;
  /** The organization's id at the vendor. */
  readonly organizationId: string | undefined;
  readonly last: DigestRecord | undefined;
  /** The last one, with its bytes, while it is not confirmed. */
  readonly planned: PlannedDigest | undefined;
}

export interface PlannedDigest {
  readonly number: number;
  readonly key: string;
  readonly envelope: Buffer;
}

export interface DigestPlan extends DigestRecord {
  readonly reason: string;
  /** The digest's name relative to the sink's prefix or directory. */
  readonly key: string;
  readonly envelope: Buffer;
  readonly plannedAt: string;
  readonly journal: readonly JournalLine[];
  readonly changes: readonly ChangedEntry[];
  /** Journalled with the plan. */
  readonly rotation?: object | undefined;
}

const selectState = `SELECT ${microseconds('now()')} AS now_us,
    CAST(extract(epoch FROM now() - coalesce(g.planned_at, d.added_at)) * 1000 AS int8) AS age_ms, o.cloud_id,
    g.number, g.key, g.payload_sha256, g.envelope, g.through_sequence, g.objects, g.entries, g.chain_sha256, g.key_id,
    g.next_key_id, g.confirmed_at IS NOT NULL AS is_confirmed
  FROM ledger.deliveries d JOIN ledger.organizations o ON o.id = d.organization
  LEFT JOIN ledger.digests g ON g.organization = d.organization AND g.sink = d.sink
  WHERE d.organization = $1 AND d.sink = $2 ORDER BY g.number DESC LIMIT 1`;
const insertDigest = `INSERT INTO ledger.digests (organization, sink, number, reason, key, payload_sha256, envelope,
    through_sequence, objects, entries, chain_sha256, key_id, next_key_id, planned_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, CAST($14 AS timestamptz))`;
const insertJournalMembers = `INSERT INTO ledger.digest_journal (organization, sink, journal_entry, number)
  SELECT CAST($1 AS int8), CAST($2 AS text), member, CAST($3 AS int8) FROM unnest(CAST($4 AS uuid[])) AS members(member)`;
const insertChangeMembers = `INSERT INTO ledger.digest_changes (organization, sink, entry, content_sha256, number)
  SELECT CAST($1 AS int8), CAST($2 AS text), entry, decode(content, 'hex'), CAST($3 AS int8)
  FROM unnest(CAST($4 AS uuid[]), CAST($5 AS text[])) AS members(entry, content)`;
const confirmRow = `UPDATE ledger.digests SET confirmed_at = now(), envelope = NULL
  WHERE organization = $1 AND sink = $2 AND number = $3 AND confirmed_at IS NULL`;
const selectLastUnsigned = `SELECT max(number) AS number FROM ledger.digests
  WHERE organization = $1 AND sink = $2 AND key_id IS NULL`;
const selectKeys = `SELECT key FROM ledger.digests WHERE organization = $1 AND sink = $2`;
/** Where an archive's digests stand. */
export async function digestState(ledger: Ledger, place: ArchivePlace): Promise<DigestState> {
  const { rows } = await ledger.database.query<StateRow>(selectState, [place.organization, place.sink]);
  const row = rows[0];
  if (row === undefined) throw new TypeError('a delivery is registered before its digests are looked at');
  const last = row.number === null ? undefined : toRecord(row);
  return {
    now: fromMicroseconds(row.now_us),
    ageMs: Number(row.age_ms),
    organizationId: row.cloud_id ?? undefined,
    last,
    planned:
      last === undefined || row.is_confirmed || row.envelope === null
        ? undefined
        : { number: last.number, key: row.key, envelope: row.envelope },
  };
}

/** Writes the digest down under the lease's epoch, with what it lists. */
export async function planDigest(ledger: Ledger, lease: DeliveryLease, plan: DigestPlan): Promise<void> {
  const { organization, sink } = lease.target;
  await ledger.database.transaction(async (transaction) => {
    await holdDelivery(ledger, lease, transaction);
    await transaction.query(insertDigest, [
      organization,
      sink,
      plan.number,
      plan.reason,
      plan.key,
      plan.payloadSha256,
      plan.envelope,
      plan.throughSequence,
      plan.objects,
      plan.entries,
      plan.chainSha256,
      plan.keyId ?? null,
      plan.nextKeyId ?? null,
      plan.plannedAt,
    ]);
    const member = [organization, sink, plan.number];
    await transaction.query(insertJournalMembers, [...member, plan.journal.map(({ id }) => id)]);
    await transaction.query(insertChangeMembers, [
      ...member,
      plan.changes.map(({ key }) => key),
      plan.changes.map(({ contentSha256 }) => contentSha256.toString('hex')),
    ]);
    if (plan.rotation !== undefined) {
      const detail = { digest: plan.number, ...plan.rotation };
      await writeJournal(ledger, { what: 'key_rotated', organization, sink, detail }, transaction);
    }
    announceStep('before-digest-commit', sink);
  });
  announceStep('digest-planned', sink);
}

/** The archive holds the digest. May be repeated. */
export async function confirmDigest(ledger: Ledger, lease: DeliveryLease, number: number): Promise<void> {
  const { organization, sink } = lease.target;
  await ledger.database.transaction(async (transaction) => {
    await holdDelivery(ledger, lease, transaction);
    await transaction.query(confirmRow, [organization, sink, number]);
  });
  announceStep('digest-confirmed', sink);
}

/** The number of the newest digest that was made without a key; 0 where every one has a signature. */
export async function lastUnsignedDigest(ledger: Ledger, place: ArchivePlace): Promise<number> {
  const { organization, sink } = place;
  const { rows } = await ledger.database.query<{ number: string | null }>(selectLastUnsigned, [
    organization,
    sink,
  ]);
  return Number(rows[0]?.number ?? 0);
}

/** The names of all digests of this archive, planned or confirmed. */
export async function knownDigestKeys(ledger: Ledger, place: ArchivePlace): Promise<string[]> {
  const { rows } = await ledger.database.query<{ key: string }>(selectKeys, [place.organization, place.sink]);
  return rows.map(({ key }) => key);
}

interface StateRow {
  readonly now_us: string;
  readonly age_ms: string;
  readonly cloud_id: string | null;
  readonly number: string | null;
  readonly key: string;
  readonly payload_sha256: Buffer;
  readonly envelope: Buffer | null;
  readonly through_sequence: string;
  readonly objects: string;
  readonly entries: string;
  readonly chain_sha256: Buffer;
  readonly key_id: string | null;
  readonly next_key_id: string | null;
  readonly is_confirmed: boolean;
}

function toRecord(row: StateRow): DigestRecord {
  return {
    number: Number(row.number),
    payloadSha256: row.payload_sha256,
    throughSequence: Number(row.through_sequence),
    objects: Number(row.objects),
    entries: Number(row.entries),
    chainSha256: row.chain_sha256,
    keyId: row.key_id ?? undefined,
    nextKeyId: row.next_key_id ?? undefined,
  };
}
