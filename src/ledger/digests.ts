/**
 * Digests of archives. The next one is written down here, byte for byte, before it is put, so that whoever repeats the
 * step puts the same; at most one is planned at a time. What it lists is exact:
 *
 *   objects    those after `through_sequence` of the digest before: they are confirmed strictly in the order of sequence
 *   journal    every line that no digest of this archive lists yet; a line may be committed later than its time says
 *   changes    likewise
 *
 * The reads need no transaction of their own: under a delivery's lease nobody else plans, and what they read is never
 * altered. The plan's commit names the lease's epoch.
 */
import { nanos, type Nanos } from '../time.ts';
import type { DeliveryLease } from './deliveries.ts';
import { writeJournal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import { holdDelivery, type ObjectEvidence, type ObjectPlan, type StoredObject } from './objects.ts';

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

/** A confirmed object; `evidence` is undefined where a program that makes no digests wrote it. */
export interface ArchivedObject extends ObjectPlan, StoredObject {
  readonly evidence: ObjectEvidence | undefined;
}

export interface JournalLine {
  readonly id: string;
  readonly at: Nanos;
  readonly what: string;
  readonly sink: string | undefined;
  /** JSON text of an object. */
  readonly detail: string;
  readonly actor: string;
}

export interface ChangedEntry {
  readonly key: string;
  readonly sequence: number;
  readonly contentSha256: Buffer;
  readonly lineSha256: Buffer;
  readonly seenAt: Nanos;
}

/** What no digest of this archive lists yet, up to a limit of each. */
export interface DigestMaterial {
  readonly objects: readonly ArchivedObject[];
  readonly journal: readonly JournalLine[];
  readonly changes: readonly ChangedEntry[];
}

export interface MaterialLimits {
  readonly objects: number;
  readonly journal: number;
  readonly changes: number;
}

const microseconds = (time: string): string => `CAST(extract(epoch FROM ${time}) * 1000000 AS int8)`;

const selectState = `SELECT ${microseconds('now()')} AS now_us,
    CAST(extract(epoch FROM now() - coalesce(g.planned_at, d.added_at)) * 1000 AS int8) AS age_ms, o.cloud_id,
    g.number, g.key, g.payload_sha256, g.envelope, g.through_sequence, g.objects, g.entries, g.chain_sha256, g.key_id,
    g.next_key_id, g.confirmed_at IS NOT NULL AS is_confirmed
  FROM ledger.deliveries d JOIN ledger.organizations o ON o.id = d.organization
  LEFT JOIN ledger.digests g ON g.organization = d.organization AND g.sink = d.sink
  WHERE d.organization = $1 AND d.sink = $2 ORDER BY g.number DESC LIMIT 1`;
const unlistedJournal = `(j.organization = $1 OR j.organization IS NULL) AND NOT EXISTS (
    SELECT 1 FROM ledger.digest_journal g WHERE g.organization = $1 AND g.sink = $2 AND g.journal_entry = j.id)`;
const unlistedChanges = `c.organization = $1 AND NOT EXISTS (
    SELECT 1 FROM ledger.digest_changes g WHERE g.organization = $1 AND g.sink = $2 AND g.entry = c.entry
      AND g.content_sha256 = c.content_sha256)`;
const selectNews = `SELECT EXISTS (SELECT 1 FROM ledger.objects
      WHERE organization = $1 AND sink = $2 AND first_sequence > $3 AND confirmed_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM ledger.changed_entries c WHERE ${unlistedChanges}) AS has_news`;
const selectObjects = `SELECT b.first_sequence, b.last_sequence, b.key, b.entries, b.raw_bytes, b.content_sha256,
    b.stored_sha256, b.stored_bytes, e.merkle_root, e.first_created_at, e.last_created_at, e.first_id, e.last_id
  FROM ledger.objects b LEFT JOIN ledger.object_evidence e
    ON e.organization = b.organization AND e.sink = b.sink AND e.first_sequence = b.first_sequence
  WHERE b.organization = $1 AND b.sink = $2 AND b.first_sequence > $3 AND b.confirmed_at IS NOT NULL
  ORDER BY b.first_sequence LIMIT $4`;
const selectJournal = `SELECT j.id, ${microseconds('j.at')} AS at_us, j.what, j.sink, j.detail, j.actor
  FROM ledger.journal_entries j WHERE ${unlistedJournal} ORDER BY j.at, j.id LIMIT $3`;
const selectChanges = `SELECT c.entry, c.sequence, c.content_sha256, c.line_sha256, ${microseconds('c.seen_at')} AS seen_us
  FROM ledger.changed_entries c WHERE ${unlistedChanges} ORDER BY c.seen_at, c.entry, c.content_sha256 LIMIT $3`;
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
const selectKeys = `SELECT key FROM ledger.digests WHERE organization = $1 AND sink = $2`;
const selectLines = `SELECT sequence, line_sha256, created_at FROM ledger.ledger_rows
  WHERE organization = $1 AND sequence >= $2 AND sequence <= $3 ORDER BY sequence LIMIT 10000`;

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

/** Whether there is an object or a changed entry that no digest lists yet. */
export async function hasUnlisted(
  ledger: Ledger,
  place: ArchivePlace,
  throughSequence: number,
): Promise<boolean> {
  const { rows } = await ledger.database.query<{ has_news: boolean }>(selectNews, [
    place.organization,
    place.sink,
    throughSequence,
  ]);
  return rows[0]?.has_news === true;
}

export async function digestMaterial(
  ledger: Ledger,
  place: ArchivePlace & { readonly throughSequence: number },
  limits: MaterialLimits,
): Promise<DigestMaterial> {
  const { database } = ledger;
  const key = [place.organization, place.sink];
  const objects = await database.query<ObjectRow>(selectObjects, [
    ...key,
    place.throughSequence,
    limits.objects,
  ]);
  const journal = await database.query<JournalRow>(selectJournal, [...key, limits.journal]);
  const changes = await database.query<ChangeRow>(selectChanges, [...key, limits.changes]);
  return {
    objects: objects.rows.map(toObject),
    journal: journal.rows.map(({ id, at_us: at, what, sink, detail, actor }) => ({
      id,
      at: fromMicroseconds(at),
      what,
      sink: sink ?? undefined,
      detail,
      actor,
    })),
    changes: changes.rows.map((row) => ({
      key: row.entry,
      sequence: Number(row.sequence),
      contentSha256: row.content_sha256,
      lineSha256: row.line_sha256,
      seenAt: fromMicroseconds(row.seen_us),
    })),
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
    if (plan.rotation === undefined) return;
    const detail = { digest: plan.number, ...plan.rotation };
    await writeJournal(ledger, { what: 'key_rotated', organization, sink, detail }, transaction);
  });
}

/** The archive holds the digest. May be repeated. */
export async function confirmDigest(ledger: Ledger, lease: DeliveryLease, number: number): Promise<void> {
  const { organization, sink } = lease.target;
  await ledger.database.transaction(async (transaction) => {
    await holdDelivery(ledger, lease, transaction);
    await transaction.query(confirmRow, [organization, sink, number]);
  });
}

/** The names of all digests of this archive, planned or confirmed. */
export async function knownDigestKeys(ledger: Ledger, place: ArchivePlace): Promise<string[]> {
  const { rows } = await ledger.database.query<{ key: string }>(selectKeys, [place.organization, place.sink]);
  return rows.map(({ key }) => key);
}

export interface LineRow {
  readonly sequence: number;
  readonly sha256: Buffer;
  readonly createdAt: Nanos;
}

/** The hashes of a range of lines, a bounded number at a time; those of pruned entries too. */
export async function* lineRows(
  ledger: Ledger,
  range: { readonly organization: number; readonly first: number; readonly last: number },
): AsyncGenerator<LineRow> {
  let next = range.first;
  while (next <= range.last) {
    const { rows } = await ledger.database.query<LineColumns>(selectLines, [
      range.organization,
      next,
      range.last,
    ]);
    for (const row of rows) {
      yield {
        sequence: Number(row.sequence),
        sha256: row.line_sha256,
        createdAt: nanos(BigInt(row.created_at)),
      };
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    next = Number(last.sequence) + 1;
  }
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

interface ObjectRow {
  readonly first_sequence: string;
  readonly last_sequence: string;
  readonly key: string;
  readonly entries: string;
  readonly raw_bytes: string;
  readonly content_sha256: Buffer;
  readonly stored_sha256: Buffer;
  readonly stored_bytes: string;
  readonly merkle_root: Buffer | null;
  readonly first_created_at: string | null;
  readonly last_created_at: string | null;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

interface JournalRow {
  readonly id: string;
  readonly at_us: string;
  readonly what: string;
  readonly sink: string | null;
  readonly detail: string;
  readonly actor: string;
}

interface ChangeRow {
  readonly entry: string;
  readonly sequence: string;
  readonly content_sha256: Buffer;
  readonly line_sha256: Buffer;
  readonly seen_us: string;
}

interface LineColumns {
  readonly sequence: string;
  readonly line_sha256: Buffer;
  readonly created_at: string;
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

function toObject(row: ObjectRow): ArchivedObject {
  return {
    firstSequence: Number(row.first_sequence),
    lastSequence: Number(row.last_sequence),
    key: row.key,
    entries: Number(row.entries),
    rawBytes: Number(row.raw_bytes),
    contentSha256: row.content_sha256,
    storedSha256: row.stored_sha256,
    storedBytes: Number(row.stored_bytes),
    evidence: toEvidence(row),
  };
}

function toEvidence(row: ObjectRow): ObjectEvidence | undefined {
  const { merkle_root: merkleRoot, first_created_at: first, last_created_at: last } = row;
  const { first_id: firstId, last_id: lastId } = row;
  if (merkleRoot === null || first === null || last === null || firstId === null || lastId === null)
    return undefined;
  const [firstCreatedAt, lastCreatedAt] = [nanos(BigInt(first)), nanos(BigInt(last))];
  return { merkleRoot, firstCreatedAt, lastCreatedAt, firstId, lastId };
}

function fromMicroseconds(count: string): Nanos {
  return nanos(BigInt(count) * 1000n);
}
