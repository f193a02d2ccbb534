/**
 * What a digest is made of: what none of this archive lists yet. It is exact:
 *
 *   objects    those after `through_sequence` of the digest before: they are confirmed strictly in the order of sequence
 *   journal    every line that no digest of this archive lists yet; a line may be committed later than its time says
 *   changes    likewise
 *
 * The reads need no transaction of their own: under a delivery's lease nobody else plans, and what they read is never
 * altered. The plan's commit names the lease's epoch.
 */
import { nanos, type Nanos } from '../time.ts';
import type { ArchivePlace } from './digests.ts';
import type { Ledger } from './ledger.ts';
import { toPlan, type ObjectEvidence, type ObjectPlan, type PlanRow, type StoredObject } from './objects.ts';
import { fromMicroseconds, microseconds } from './microseconds.ts';

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
const selectLines = `SELECT sequence, line_sha256, created_at FROM ledger.ledger_rows
  WHERE organization = $1 AND sequence >= $2 AND sequence <= $3 ORDER BY sequence LIMIT 10000`;

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

interface ObjectRow extends PlanRow {
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

function toObject(row: ObjectRow): ArchivedObject {
  return {
    ...toPlan(row),
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
