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
