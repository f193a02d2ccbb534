/**
 * Telling new entries from known ones, in a transaction that holds the organization's row, and what became of the known:
 *
 *     id in the ledger? ── no ──▶ new
 *                        └ yes ─▶ the same line ─────────────▶ known
 *                                 another line, same content ▶ drifted: counted
 *                                 other content ─────────────▶ changed: kept once, and journalled
 */
import type { Queryable } from '../database/database.ts';
import { writeJournalLines } from './journal.ts';
import type { Ledger } from './ledger.ts';
import type { NewEntry } from './prepared-entries.ts';

const selectKnown = `SELECT entry, sequence, line_sha256, content_sha256 FROM ledger.ledger_rows
  WHERE organization = $1 AND entry = ANY(CAST($2 AS uuid[]))`;
const insertChanged = `INSERT INTO ledger.changed_entries
    (organization, entry, content_sha256, sequence, line_sha256, raw)
  SELECT CAST($1 AS int8), entry, content_sha256, sequence, line_sha256, raw
  FROM unnest(CAST($2 AS uuid[]), CAST($3 AS bytea[]), CAST($4 AS int8[]), CAST($5 AS bytea[]), CAST($6 AS text[]))
    AS changed(entry, content_sha256, sequence, line_sha256, raw)
  ON CONFLICT (organization, entry, content_sha256) DO NOTHING RETURNING entry, content_sha256`;

interface KnownRow {
  readonly entry: string;
  readonly sequence: string;
  readonly line_sha256: Buffer;
  readonly content_sha256: Buffer;
}

export interface DifferingEntry {
  readonly entry: NewEntry;
  readonly sequence: number;
}

export interface SortedEntries {
  readonly added: NewEntry[];
  readonly known: number;
  readonly drifted: number;
  readonly differing: DifferingEntry[];
}

/** Tells new entries from known ones, and of the known ones what became of their bytes and content. */
export async function sortOut(
  transaction: Queryable,
  batch: { readonly organization: number; readonly first: number; readonly entries: readonly NewEntry[] },
): Promise<SortedEntries> {
  const { organization, first, entries } = batch;
  if (entries.length === 0) return { added: [], known: 0, drifted: 0, differing: [] };
  const { rows } = await transaction.query<KnownRow>(selectKnown, [
    organization,
    entries.map((entry) => entry.key),
  ]);
  const inLedger = new Map(rows.map((row) => [row.entry, row]));
  /** Places in `added`. */
  const inBatch = new Map<string, number>();
  const added: NewEntry[] = [];
  const differing: DifferingEntry[] = [];
  let known = 0;
  let drifted = 0;
  for (const entry of entries) {
    const row = inLedger.get(entry.key);
    const place = inBatch.get(entry.key);
    if (row === undefined && place === undefined) {
      inBatch.set(entry.key, added.length);
      added.push(entry);
      continue;
    }
    known += 1;
    const earlier = place === undefined ? undefined : added[place];
    const lineSha256 = row?.line_sha256 ?? earlier?.lineSha256;
    if (lineSha256 === undefined || entry.lineSha256.equals(lineSha256)) continue;
    const contentSha256 = row?.content_sha256 ?? earlier?.contentSha256();
    if (contentSha256 !== undefined && entry.contentSha256().equals(contentSha256)) drifted += 1;
    else differing.push({ entry, sequence: row === undefined ? first + (place ?? 0) : Number(row.sequence) });
  }
  return { added, known, drifted, differing };
}

/** Keeps each other content of a known entry once; tells which were new. */
export async function keepChanged(
  ledger: Ledger,
  transaction: Queryable,
  found: { readonly organization: number; readonly entries: readonly DifferingEntry[] },
): Promise<NewEntry[]> {
  const { organization } = found;
  const contents = new Map(found.entries.map((differing) => [contentName(differing.entry), differing]));
  if (contents.size === 0) return [];
  const differing = [...contents.values()];
  const { rows } = await transaction.query<{ entry: string; content_sha256: Buffer }>(insertChanged, [
    organization,
    differing.map(({ entry }) => entry.key),
    differing.map(({ entry }) => entry.contentSha256()),
    differing.map(({ sequence }) => sequence),
    differing.map(({ entry }) => entry.lineSha256),
    differing.map(({ entry }) => entry.raw.toString('utf8')),
  ]);
  const isNew = new Set(rows.map((row) => `${row.entry} ${row.content_sha256.toString('hex')}`));
  const changed = differing.filter(({ entry }) => isNew.has(contentName(entry)));
  await writeJournalLines(
    ledger,
    changed.map(({ entry, sequence }) => ({
      what: 'changed_entry',
      organization,
      detail: { entry: entry.key, sequence },
    })),
    transaction,
  );
  return changed.map(({ entry }) => entry);
}

function contentName(entry: NewEntry): string {
  return `${entry.key} ${entry.contentSha256().toString('hex')}`;
}
