import { randomUUID } from 'node:crypto';
import type { Queryable } from '../database/database.ts';
import type { Ledger } from './ledger.ts';

/** What the journal tells; the words are stable, details only grow. */
export const journalEvents = [
  'started',
  'stopped',
  'organization_added',
  'organization_renamed',
  'stretch_added',
  'stretch_finished',
  'late_entries',
  'changed_entry',
  'entry_without_time',
  'position_stepped_over',
  'entry_parked',
  'entry_unparked',
  'delivery_added',
  'delivery_stopped',
  'delivery_retired',
  'checkpoint_moved',
  'offset_moved',
  'pruned',
  'store_copied',
  'key_rotated',
  'reconciled',
  'restored',
] as const;
export type JournalEvent = (typeof journalEvents)[number];

export interface JournalEntry {
  readonly what: JournalEvent;
  readonly organization?: number;
  readonly sink?: string;
  /** Plain data, kept as JSON text; never entries, never secrets. */
  readonly detail?: object;
}

const insertJournal = `INSERT INTO ledger.journal_entries (id, organization, sink, what, detail, actor)
  VALUES ($1, $2, $3, $4, $5, $6)`;
const insertJournalLines = `INSERT INTO ledger.journal_entries (id, organization, sink, what, detail, actor)
  SELECT id, organization, sink, what, detail, $6
  FROM unnest(CAST($1 AS uuid[]), CAST($2 AS int8[]), CAST($3 AS text[]), CAST($4 AS text[]), CAST($5 AS text[]))
    AS lines(id, organization, sink, what, detail)`;

/** Writes a line of the journal, in the caller's transaction where it belongs to a change. */
export async function writeJournal(
  ledger: Ledger,
  entry: JournalEntry,
  queryable: Queryable = ledger.database,
): Promise<void> {
  await queryable.query(insertJournal, [
    randomUUID(),
    entry.organization ?? null,
    entry.sink ?? null,
    entry.what,
    JSON.stringify(entry.detail ?? {}),
    ledger.actor,
  ]);
}

/** The same for many lines, in one statement. */
export async function writeJournalLines(
  ledger: Ledger,
  entries: readonly JournalEntry[],
  queryable: Queryable = ledger.database,
): Promise<void> {
  if (entries.length === 0) return;
  await queryable.query(insertJournalLines, [
    entries.map(() => randomUUID()),
    entries.map((entry) => entry.organization ?? null),
    entries.map((entry) => entry.sink ?? null),
    entries.map((entry) => entry.what),
    entries.map((entry) => JSON.stringify(entry.detail ?? {})),
    ledger.actor,
  ]);
}
