/**
 * Putting rows into the table, once each.
 *
 *   COPY ──▶ done
 *     ├─ 23505, something is there already ──▶ compare by hash and sequence ──▶ repeats are left out, the rest is stored
 *     │                                              └─ a difference: somebody else writes here, stop
 *     └─ a data error ──▶ halves ──▶ … ──▶ one row ──▶ without its payload ──▶ stored, or it can never be
 *
 * A half is committed before the next is tried: what is stored is then always a beginning of the batch, and the batch
 * may be repeated from its start.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, Queryable } from '../../src/database/database.ts';
import { announceStep } from '../../src/steps.ts';
import { SinkError } from '../sink-error.ts';
import { encodeRows, writtenColumns, type EntryRow, type RowMemory } from './entry-row.ts';
import { entryRefused, isDataError, isPrivilegeMissing, isUniqueViolation, quoteId } from './failure.ts';

/** Where rows go. */
export interface RowTarget {
  readonly database: Database;
  /** Quoted, with its schema. */
  readonly table: string;
  readonly signal: AbortSignal;
  /**
   * Looks, in the transaction that has written, at what the table must hold already. Rows keep it from being emptied or
   * altered until the commit, so nothing comes between the look and that.
   */
  readonly assertHeld: (transaction: Queryable) => Promise<void>;
}

const columnList = writtenColumns.join(', ');
const stagingTable = 'pg_temp.ccloud_audit_batch';
/** A COPY gets no further row when its rows have this much raw text: about so much again is encoded at a time. */
const copyBytesMax = 1024 * 1024;
/** How often rows that another process is writing at the same moment are looked at again. */
const racesMax = 5;

/**
 * Stores all rows, of one organization, or rejects: with a SinkError of code `foreign_writer` or `table_mismatch`, with
 * one that has a `poisonSequence`, with a DatabaseError, or with the abort.
 */
export async function storeRows(target: RowTarget, rows: readonly EntryRow[]): Promise<void> {
  try {
    await storeOnce(target, rows);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [row, second] = rows;
    if (row !== undefined && second === undefined) {
      await storeWithoutPayload(target, row);
      return;
    }
    const middle = rows.length >> 1;
    await storeRows(target, rows.slice(0, middle));
    await storeRows(target, rows.slice(middle));
  }
}

async function storeWithoutPayload(target: RowTarget, row: EntryRow): Promise<void> {
  try {
    await storeOnce(target, [{ ...row, isPayloadLeftOut: true }]);
  } catch (error) {
    throw isDataError(error) ? entryRefused(error, target.table, row.sequence) : error;
  }
}

async function storeOnce(target: RowTarget, rows: readonly EntryRow[]): Promise<void> {
  try {
    await inTransaction(target, (transaction) => copyRows(transaction, target.table, rows));
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    await storeMissing(target, rows);
  }
}

async function storeMissing(target: RowTarget, rows: readonly EntryRow[]): Promise<void> {
  // CockroachDB's temporary tables are experimental.
  if (target.database.kind === 'cockroachdb') {
    await storeMissingByKey(target, rows);
    return;
  }
  try {
    await inTransaction(target, (transaction) => storeMissingByStaging(transaction, target.table, rows));
  } catch (error) {
    // A role without TEMPORARY on the database writes all the same.
    if (!isPrivilegeMissing(error)) throw error;
    await storeMissingByKey(target, rows);
  }
}

async function storeMissingByStaging(
  transaction: Queryable,
  table: string,
  rows: readonly EntryRow[],
): Promise<void> {
  await transaction.query(
    `CREATE TEMPORARY TABLE ${stagingTable} ON COMMIT DROP AS SELECT ${columnList} FROM ${table} WITH NO DATA`,
  );
  await copyRows(transaction, stagingTable, rows);
  await transaction.query(
    `INSERT INTO ${table} (${columnList}) SELECT ${columnList} FROM ${stagingTable} ORDER BY sequence ON CONFLICT DO NOTHING`,
  );
  const missing = await missingRows(transaction, table, rows);
  if (missing.length > 0) {
    await requireFreeSequences(transaction, table, missing);
    throw foreignConstraint(table, missing);
  }
}

async function storeMissingByKey(target: RowTarget, rows: readonly EntryRow[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await inTransaction(target, async (transaction) => {
        const missing = await missingRows(transaction, target.table, rows);
        await requireFreeSequences(transaction, target.table, missing);
        if (missing.length > 0) await copyRows(transaction, target.table, missing);
      });
      return;
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      // Either somebody stored the same a moment ago, which the next look shows, or the constraint is none of ours.
      if (attempt === racesMax) throw foreignConstraint(target.table, rows);
    }
  }
}

async function copyRows(transaction: Queryable, table: string, rows: readonly EntryRow[]): Promise<void> {
  const sql = `COPY ${table} (${columnList}) FROM STDIN WITH (FORMAT binary)`;
  let copying = Promise.resolve();
  // Two by turns: the server still takes the portion before from the one while the next is written into the other.
  let [memory, other] = [takeMemory(), takeMemory()];
  for (const portion of portionsOf(rows)) {
    // Encoded while the server works on the portion before.
    const data = encodeRows(portion, memory);
    await copying;
    [memory, other] = [other, memory];
    copying = transaction.copyIn(sql, data);
    // Met at the next portion, or at the end.
    copying.catch(() => undefined);
    await nextTurn();
  }
  await copying;
  giveBack(memory, other);
  announceStep('rows-copied');
}

const freeMemories: RowMemory[] = [];
/** Of two writers. */
const freeMemoriesMax = 4;
const memoryBytesMax = 8 * 1024 * 1024;

function takeMemory(): RowMemory {
  return freeMemories.pop() ?? { bytes: undefined };
}

/** Only after the COPYs that it was used for: what failed may still be on its way, and its memory is left to it. */
function giveBack(...memories: readonly RowMemory[]): void {
  for (const memory of memories) {
    const bytes = memory.bytes?.length ?? memoryBytesMax;
    if (bytes < memoryBytesMax && freeMemories.length < freeMemoriesMax) freeMemories.push(memory);
  }
}

/** Several COPYs of the same transaction, so that what is encoded never takes much memory. */
function portionsOf(rows: readonly EntryRow[]): EntryRow[][] {
  const portions: EntryRow[][] = [];
  let bytes = copyBytesMax;
  for (const row of rows) {
    if (bytes >= copyBytesMax) {
      portions.push([]);
      bytes = 0;
    }
    portions.at(-1)?.push(row);
    bytes += row.raw.length;
  }
  return portions;
}

async function inTransaction(
  { database, signal, assertHeld }: RowTarget,
  body: (transaction: Queryable) => Promise<void>,
): Promise<void> {
  await database.transaction(
    async (transaction) => {
      await body(transaction);
      await assertHeld(transaction);
    },
    { signal },
  );
  announceStep('rows-committed');
}

interface Held {
  readonly id: string;
  readonly sequence: string;
  readonly sha256: Buffer;
}

/** The rows whose id is not in the table; rejects when an id is there as another entry. */
async function missingRows(
  transaction: Queryable,
  table: string,
  rows: readonly EntryRow[],
): Promise<EntryRow[]> {
  const { rows: found } = await transaction.query<Held>(
    `SELECT id, sequence, sha256 FROM ${table} WHERE organization = $1 AND id = ANY($2::text[])`,
    [rows[0]?.organization ?? '', rows.map((row) => row.id)],
  );
  const held = new Map(found.map((row) => [row.id, row]));
  return rows.filter((row) => {
    const other = held.get(row.id);
    if (other === undefined) return true;
    const sameContent = row.sha256.equals(other.sha256);
    if (sameContent && BigInt(other.sequence) === BigInt(row.sequence)) return false;
    throw foreignWriter(
      table,
      row,
      `with sequence ${other.sequence}${sameContent ? '' : ' and other content'}, and the ledger has it with sequence ${row.sequence}`,
    );
  });
}

async function requireFreeSequences(
  transaction: Queryable,
  table: string,
  rows: readonly EntryRow[],
): Promise<void> {
  const { rows: found } = await transaction.query<Omit<Held, 'sha256'>>(
    `SELECT id, sequence FROM ${table} WHERE organization = $1 AND sequence = ANY($2::bigint[])`,
    [rows[0]?.organization ?? '', rows.map((row) => row.sequence)],
  );
  const held = new Map(found.map((other) => [Number(other.sequence), other]));
  // The same id was stored by another process since it was looked for; that is no stranger.
  const row = rows.find((candidate) => (held.get(candidate.sequence)?.id ?? candidate.id) !== candidate.id);
  const other = row === undefined ? undefined : held.get(row.sequence);
  if (row === undefined || other === undefined) return;
  throw foreignWriter(
    table,
    row,
    `not at all, and has ${quoteId(other.id)} with sequence ${other.sequence}, which is the ledger's sequence ${row.sequence} of the former`,
  );
}

function foreignWriter(table: string, row: EntryRow, difference: string): SinkError {
  return new SinkError(
    `Somebody else writes to the table ${table}: it has the entry ${quoteId(row.id)} of ${row.organization} ${difference}. Give this exporter a table of its own, or continue with the ledger that filled this one.`,
    { code: 'foreign_writer', retryable: false },
  );
}

function foreignConstraint(table: string, rows: readonly EntryRow[]): SinkError {
  return new SinkError(
    `The table ${table} has a unique constraint that is not the sink's, and it refuses the entry with sequence ${rows[0]?.sequence}. Drop that constraint.`,
    { code: 'table_mismatch', retryable: false },
  );
}
