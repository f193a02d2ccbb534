/**
 * Appending: new entries get the next sequences, their lines become a segment, and the reader's position moves, all in
 * one transaction that begins by taking the organization's row under the lease's epoch. So an entry is in the ledger
 * exactly once, whatever the API repeats and wherever the process dies, and a process whose lease is gone appends
 * nothing. The row is locked before known ids are read; two writers can't number the same sequence.
 */
import { announceStep } from '../steps.ts';
import { maxNanos, nanos, type Nanos } from '../time.ts';
import type { Queryable, SqlParameter } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import { describeError } from '../logger.ts';
import { keepChanged, sortOut } from './known-entries.ts';
import { leaseLost, type Lease } from './leases.ts';
import type { Ledger } from './ledger.ts';
import type { PackedSegment } from './packed-segment.ts';
import {
  copyRows,
  numberRows,
  prepareEntries,
  type NewEntry,
  type PreparedEntries,
} from './prepared-entries.ts';

/** What moves with the entries. */
export type PositionMove =
  | {
      readonly kind: 'tail';
      readonly checkpoint: string | undefined;
      /** Set when the sweep has caught up. */
      readonly coveredTo: Nanos | undefined;
      readonly serverDate: Nanos | undefined;
    }
  | { readonly kind: 'stretch'; readonly from: Nanos; readonly checkpoint: string }
  | { readonly kind: 'none' };

export interface AppendRequest {
  readonly entries: readonly NewEntry[];
  readonly move: PositionMove;
  /** Made of just these entries; used where all of them are new. */
  readonly prepared?: PreparedEntries | undefined;
}

export interface AppendResult {
  readonly added: readonly NewEntry[];
  /** The last sequence of the ledger after this append; 0 when it is empty. */
  readonly head: number;
  readonly known: number;
  /** Known entries whose bytes differ and whose content does not. */
  readonly drifted: number;
  /** Known entries with other content that was not seen before. */
  readonly changed: readonly NewEntry[];
}

const takeRow = `UPDATE ledger.organizations SET lease_until = now() + CAST($3 AS interval)
  WHERE id = $1 AND lease_epoch = $2 RETURNING next_sequence`;
const selectNextSequence = `SELECT next_sequence FROM ledger.organizations WHERE id = $1 AND lease_epoch = $2`;
// What a position moves, with its values from a place among the statement's on; see `valuesOf`.
const setTail = (place: number): string => `tail_checkpoint = coalesce($${place}, tail_checkpoint),
    tail_covered_to = greatest(tail_covered_to, CAST($${place + 1} AS int8)),
    server_date = coalesce(CAST($${place + 2} AS int8), server_date)`;
const moveStretch = (place: number): string => `UPDATE ledger.stretches SET checkpoint = $${place + 1}
  WHERE organization = $1 AND from_time = $${place}`;
/** By the kind of move, where there are no new entries. */
const moves: Readonly<Record<PositionMove['kind'], string | undefined>> = {
  tail: `UPDATE ledger.organizations SET ${setTail(2)} WHERE id = $1`,
  stretch: moveStretch(2),
  none: undefined,
};
const insertSegment = `INSERT INTO ledger.segments
    (organization, first_sequence, last_sequence, raw_bytes, lines, created_at)
  VALUES ($1, $2, $3, $4, $5, $6)`;
const setSequence = `UPDATE ledger.organizations
  SET next_sequence = $7, newest_created_at = greatest(newest_created_at, CAST($8 AS int8))`;
/**
 * By the kind of move, where there are: a segment, the next sequence and the position in one statement. Each waits for a turn
 * of the main thread, which is busy with the next page. No table is in one of them twice, which CockroachDB would refuse.
 */
const closings: Readonly<Record<PositionMove['kind'], string>> = {
  tail: `WITH segment AS (${insertSegment}) ${setSequence}, ${setTail(9)} WHERE id = $1`,
  stretch: `WITH segment AS (${insertSegment}), stretch AS (${moveStretch(9)}) ${setSequence} WHERE id = $1`,
  none: `WITH segment AS (${insertSegment}) ${setSequence} WHERE id = $1`,
};
const analyzeRows = `ANALYZE ledger.ledger_rows`;
const analyzeSegments = `ANALYZE ledger.segments`;

/** Without statistics the known-id lookup reads the whole table; from this many rows on, at every doubling. */
const firstAnalyzeAt = 10_000;

/** A store that leaves commit after commit unknown is left alone for a while by whoever called. */
const commitAttemptsMax = 3;

/** Appends what is new of `entries`, in their order. Throws `lease_lost` when the lease's epoch is over. */
export async function append(ledger: Ledger, lease: Lease, request: AppendRequest): Promise<AppendResult> {
  const { organization } = lease.target;
  const bytes = request.entries.reduce((sum, { raw }) => sum + raw.length + 1, 0);
  await ledger.recent.makeRoom(organization, bytes);
  for (let attempt = 1; ; attempt += 1) {
    let outcome: Appended | undefined;
    try {
      outcome = await ledger.database.transaction(async (transaction) => {
        outcome = await appendIn(ledger, lease, { transaction, request });
        return outcome;
      });
    } catch (error) {
      if (!(error instanceof DatabaseError && error.code === 'commit_unknown') || outcome === undefined)
        throw error;
      // Only this process holds the epoch and it appends one at a time: the row tells whether the commit happened. One
      // that added nothing can be repeated in any case.
      const isCommitted =
        outcome.added.length > 0 && (await nextSequence(ledger, lease)) === outcome.head + 1;
      if (!isCommitted && attempt === commitAttemptsMax) throw error;
      if (!isCommitted) continue;
    }
    announceStep('append-committed');
    const firstSequence = outcome.head + 1 - outcome.added.length;
    const { added, segment } = outcome;
    if (segment !== undefined) {
      const { pieces } = segment;
      ledger.recent.keep({ organization, firstSequence, entries: added, pieces });
    }
    await analyzeWhenGrown(ledger, firstSequence, outcome.head + 1);
    return outcome;
  }
}

interface Appended extends AppendResult {
  /** Of the new entries; undefined where there are none. */
  readonly segment: PackedSegment | undefined;
}

interface AppendContext {
  readonly transaction: Queryable;
  readonly request: AppendRequest;
}

async function appendIn(ledger: Ledger, lease: Lease, context: AppendContext): Promise<Appended> {
  const { transaction, request } = context;
  const { organization } = lease.target;
  const { rows } = await transaction.query<{ next_sequence: string }>(takeRow, [
    organization,
    lease.epoch,
    `${ledger.leaseMs} milliseconds`,
  ]);
  if (rows[0] === undefined) throw leaseLost(lease.target);
  announceStep('append-begun');
  const first = Number(rows[0].next_sequence);
  const sorted = await sortOut(transaction, { organization, first, entries: request.entries });
  const segment = await insertNew(transaction, {
    organization,
    first,
    entries: sorted.added,
    prepared: request.prepared,
    move: request.move,
  });
  if (segment === undefined) await movePosition(transaction, organization, request.move);
  announceStep('position-moved');
  const changed = await keepChanged(ledger, transaction, { organization, entries: sorted.differing });
  return {
    added: sorted.added,
    head: first - 1 + sorted.added.length,
    known: sorted.known,
    drifted: sorted.drifted,
    changed,
    segment,
  };
}

/**
 * Rows, their segment, the next sequence and the position that moves with them, in a transaction that holds the
 * organization's row. `first` must be the organization's next sequence. Resolves to the segment; to undefined, and nothing
 * was moved, where there are no entries.
 */
export async function insertNew(
  transaction: Queryable,
  batch: {
    readonly organization: number;
    readonly first: number;
    readonly entries: readonly NewEntry[];
    readonly prepared?: PreparedEntries | undefined;
    /** Default: none. */
    readonly move?: PositionMove;
  },
): Promise<PackedSegment | undefined> {
  const { organization, first, entries, prepared, move = { kind: 'none' } } = batch;
  if (entries.length === 0) return undefined;
  const isPrepared = prepared?.organization === organization && isSame(prepared.entries, entries);
  const { segment, rows } = isPrepared ? prepared : await prepareEntries(organization, entries);
  const last = first + entries.length - 1;
  await transaction.copyIn(copyRows, numberRows(rows, first));
  announceStep('rows-numbered');
  const newest = entries.reduce(
    (most, entry) => maxNanos(most, entry.createdAt),
    entries[0]?.createdAt ?? nanos(0n),
  );
  const { rawBytes, lines, createdAt } = segment;
  const written = [organization, first, last, rawBytes, lines, createdAt, last + 1, newest];
  await transaction.query(closings[move.kind], [...written, ...valuesOf(move)]);
  announceStep('segment-written');
  return segment;
}

function isSame(one: readonly NewEntry[], other: readonly NewEntry[]): boolean {
  return one.length === other.length && one.every((entry, index) => entry === other[index]);
}

async function movePosition(transaction: Queryable, organization: number, move: PositionMove): Promise<void> {
  const sql = moves[move.kind];
  if (sql !== undefined) await transaction.query(sql, [organization, ...valuesOf(move)]);
}

function valuesOf(move: PositionMove): SqlParameter[] {
  switch (move.kind) {
    case 'tail':
      return [move.checkpoint ?? null, move.coveredTo ?? null, move.serverDate ?? null];
    case 'stretch':
      return [move.from, move.checkpoint];
    case 'none':
      return [];
    default:
      return move satisfies never;
  }
}

async function nextSequence(ledger: Ledger, lease: Lease): Promise<number> {
  const { rows } = await ledger.database.query<{ next_sequence: string }>(selectNextSequence, [
    lease.target.organization,
    lease.epoch,
  ]);
  if (rows[0] === undefined) throw leaseLost(lease.target);
  return Number(rows[0].next_sequence);
}

async function analyzeWhenGrown(ledger: Ledger, before: number, after: number): Promise<void> {
  if (doublings(before) === doublings(after)) return;
  try {
    await ledger.database.query(analyzeRows);
    await ledger.database.query(analyzeSegments);
  } catch (error) {
    // The entries are committed; statistics only make the next lookups quicker, and the next doubling brings them.
    ledger.logger.warn({ error: describeError(error) }, 'tables not analyzed');
  }
}

/** Changes at the first threshold and at each of its doublings. */
function doublings(rows: number): number {
  return Math.floor(Math.log2(Math.max(1, (rows / firstAnalyzeAt) * 2)));
}
