/**
 * One statement of an operator's, which can only look. Four things hold that, each by itself:
 *
 *   the text is SELECT, WITH, VALUES or TABLE, so that nothing ends the transaction, or EXPLAIN or SHOW
 *   the extended protocol takes one statement, so nothing can follow it
 *   the transaction is READ ONLY, which nothing can undo once it has read
 *   the transaction is rolled back at the end, whatever happened in it
 *
 * Rows come through a cursor, a portion at a time, up to a limit: the memory is bounded, whatever was asked.
 */
import { UsageError } from '../errors.ts';
import type { Database, Queryable, QueryResult, Row } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import { isSqlStateClass, quoteIdentifier } from '../database/sql.ts';

export interface QueriedStore {
  /** The store itself and not the ledger's view of it, which would replace words in the operator's text. */
  readonly database: Database;
  readonly schema: string;
}

export interface QueryLimits {
  readonly rowsMax: number;
  /** Text and bytes of all values together. */
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

export interface QueryOutcome {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** Set when there is more than the limits let through. */
  readonly cutAt: 'rows' | 'bytes' | undefined;
}

const readOnly = 'SET TRANSACTION READ ONLY';
// The comment in front keeps the name of our own command out of what the server's refusal says.
const openCursor = '/* query */ DECLARE query_rows NO SCROLL CURSOR FOR';
const portionRows = 100;
const fetchPortion = `/* query */ FETCH ${portionRows} FROM query_rows`;

const cursorWords = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE']);
const plainWords = new Set(['EXPLAIN', 'SHOW']);

/** Runs the statement. Throws a UsageError with the server's message for one that is wrong, or would change something. */
export async function queryReadOnly(
  store: QueriedStore,
  sql: string,
  limits: QueryLimits,
): Promise<QueryOutcome> {
  const word = firstWord(sql);
  if (!cursorWords.has(word) && !plainWords.has(word)) throw notAQuery(word);
  const read = new RolledBack();
  try {
    await store.database.transaction(
      async (transaction) => {
        await transaction.query(readOnly);
        await transaction.query(`SET LOCAL search_path TO ${quoteIdentifier(store.schema)}, public`);
        read.outcome = cursorWords.has(word)
          ? await readCursor(transaction, sql, limits)
          : cut(await transaction.query(`/* query */ ${sql}`), limits);
        throw read;
      },
      { signal: limits.signal },
    );
  } catch (error) {
    if (error !== read) throw explain(error);
  }
  if (read.outcome === undefined) throw new TypeError('a query ended without an outcome');
  checkColumns(read.outcome.columns);
  return read.outcome;
}

/** Thrown so that the transaction is rolled back; carries what was read out of it. */
class RolledBack extends Error {
  outcome: QueryOutcome | undefined;
}

async function readCursor(transaction: Queryable, sql: string, limits: QueryLimits): Promise<QueryOutcome> {
  // A line feed, since the text may begin with a comment of dashes; what it ends with does not matter.
  await transaction.query(`${openCursor}\n${sql}`);
  const rows: Row[] = [];
  let bytes = 0;
  for (;;) {
    const portion = await transaction.query(fetchPortion);
    for (const row of portion.rows) {
      bytes += sizeOf(row);
      if (rows.length === limits.rowsMax) return { columns: portion.columns, rows, cutAt: 'rows' };
      // A single row may be larger than the limit; it is in memory already.
      if (bytes > limits.bytesMax && rows.length > 0)
        return { columns: portion.columns, rows, cutAt: 'bytes' };
      rows.push(row);
    }
    if (portion.rows.length < portionRows) return { columns: portion.columns, rows, cutAt: undefined };
  }
}

/** What EXPLAIN and SHOW print is short, but settings are as long as somebody made them. */
function cut(result: QueryResult<Row>, limits: QueryLimits): QueryOutcome {
  const { columns, rows } = result;
  const cutAt = rows.length > limits.rowsMax ? 'rows' : undefined;
  return { columns, rows: rows.slice(0, limits.rowsMax), cutAt };
}

function sizeOf(row: Row): number {
  return Object.values(row).reduce<number>((bytes, value) => {
    return bytes + (typeof value === 'string' || Buffer.isBuffer(value) ? value.length : 8);
  }, 0);
}

/** The first word in capitals, without the comments, white space and parentheses before it. */
function firstWord(sql: string): string {
  let rest = sql;
  for (;;) {
    const shorter = rest.replace(/^(?:[\s(]+|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)/, '');
    if (shorter === rest) break;
    rest = shorter;
  }
  return /^[a-z_]+/i.exec(rest)?.[0].toUpperCase() ?? '';
}

function explain(error: unknown): unknown {
  if (!(error instanceof DatabaseError) || error.sqlState === undefined) return error;
  const { sqlState } = error;
  // 25006: read_only_sql_transaction; DECLARE says 0A000 of a WITH that changes something.
  if (sqlState === '25006' || (sqlState === '0A000' && /data-modifying/.test(error.message))) {
    return refused(
      'The statement would change something, and a query can only look. Nothing was changed.',
      error,
    );
  }
  if (sqlState === '42601' && /multiple commands/.test(error.message)) {
    return refused('A query is one statement; this text holds several. None of them was run.', error);
  }
  if (error.retryable || sqlState === '42501') return error;
  return isSqlStateClass(sqlState, '42') || error.code === 'statement_failed'
    ? refused(error.message, error)
    : error;
}

function refused(message: string, cause: DatabaseError): UsageError {
  return new UsageError(message, { code: 'query_refused', cause });
}

function notAQuery(word: string): UsageError {
  return new UsageError(
    `A query begins with SELECT, WITH, VALUES, TABLE, EXPLAIN or SHOW, ${word === '' ? 'and this text with none of them' : `not with ${word}`}; ` +
      'it can only look. Nothing was run.',
    { code: 'query_refused' },
  );
}

/** A row is printed by the names of its columns. */
function checkColumns(columns: readonly string[]): void {
  const twice = columns.find((column, index) => columns.indexOf(column) !== index);
  if (twice === undefined) return;
  throw new UsageError(
    `The result has two columns named "${twice}". Give one of them another name with AS.`,
    {
      code: 'query_refused',
    },
  );
}
