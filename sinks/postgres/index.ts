/**
 * Entries as rows of one table in PostgreSQL or CockroachDB, one row per entry and organization.
 *
 * A repeated batch is recognized by key and hash and changes nothing, so whatever process writes, and however often, the
 * table ends up the same. A difference under a known key is never overwritten: it stops the sink.
 */
import type { Database, Queryable } from '../../src/database/database.ts';
import { SinkError } from '../sink-error.ts';
import type { HeldDifference, HeldEntry, HeldPlace, Sink, SinkEntry } from '../sink.ts';
import { entryRow } from './entry-row.ts';
import { isProtocolViolation, quoteId, sinkFailure } from './failure.ts';
import { storeRows } from './store-rows.ts';
import { quoteTableName, type TableName } from './table-name.ts';
import { checkTable, ensureTable } from './table.ts';
import { columnText } from './taken-columns.ts';

export { createTableSql } from './table.ts';
export { parseTableName, type TableName } from './table-name.ts';

export interface PostgresSinkOptions {
  readonly name: string;
  /** From `parseTableName`. */
  readonly table: TableName;
  /** Names the database before anybody has connected to it; `Database.fingerprint` of what `database` gives. */
  readonly databaseFingerprint: string;
  /** Called at `open`, and again after it failed. */
  readonly database: () => Promise<Database>;
  /** Whether `close` closes the database: false for one that belongs to somebody else, as the store's does. */
  readonly ownsDatabase: boolean;
}

/** A sink of type `postgres`. Its errors are SinkErrors; see `sink.ts` for the codes that every sink shares. */
export function createPostgresSink(options: PostgresSinkOptions): Sink {
  const table = quoteTableName(options.table);
  const inFlight = new Set<Promise<unknown>>();
  /** By organization, the last entry that the table was seen to hold. */
  const lastHeld = new Map<string, HeldEntry>();
  let connection: Promise<Database> | undefined;

  const connect = async (): Promise<Database> => {
    connection ??= options.database();
    try {
      return await connection;
    } catch (error) {
      connection = undefined;
      throw error;
    }
  };

  /** Runs one step on the database, so that `close` can wait for it and its failures are told as a sink's. */
  const use = async <T>(signal: AbortSignal, step: (database: Database) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const running = connect().then(step);
    inFlight.add(running);
    try {
      return await running;
    } catch (error) {
      throw sinkFailure(error, table);
    } finally {
      inFlight.delete(running);
    }
  };

  const holds: Sink['holds'] = (organization, entry, { signal }) =>
    use(signal, (database) => holdsEntry(database, { table, organization, entry }));

  return {
    name: options.name,
    type: 'postgres',
    capabilities: { repeats: 'absorbed' },
    fingerprint: `${options.databaseFingerprint} ${table}`,
    open: ({ signal }) => use(signal, (database) => ensureTable(database, options.table, signal)),
    attach: async ({ organization, last }, sinkOptions) => {
      lastHeld.delete(organization);
      if (last === undefined) return;
      if (!(await holds(organization, last, sinkOptions))) throw destinationLost(table, organization, last);
      lastHeld.set(organization, last);
    },
    write: ({ organization, entries }, { signal }) =>
      use(signal, async (database) => {
        const last = lastHeld.get(organization);
        // A table that was emptied or made anew takes rows as if nothing had happened.
        const assertHeld = async (transaction: Queryable): Promise<void> => {
          if (last !== undefined && !(await holdsEntry(transaction, { table, organization, entry: last })))
            throw destinationLost(table, organization, last);
        };
        const rows = entries.map((entry) => entryRow(organization, entry));
        try {
          await storeRows({ database, table, signal, assertHeld }, rows);
        } catch (error) {
          if (isProtocolViolation(error)) await checkTable(database, options.table);
          throw error;
        }
        const newest = entries.at(-1);
        if (newest !== undefined) lastHeld.set(organization, heldEntry(newest));
        return undefined;
      }),
    holds,
    compare: (organization, entries, { signal }) =>
      use(signal, (database) => compareEntries(database, { table, organization, entries })),
    close: async () => {
      await Promise.allSettled(inFlight);
      const open = connection;
      connection = undefined;
      if (open === undefined || !options.ownsDatabase) return;
      await (await open).close();
    },
  };
}

/** Nothing of the batch is kept for it. */
function heldEntry({ sequence, id, sha256 }: SinkEntry): HeldEntry {
  return { sequence, id, sha256: Buffer.from(sha256), object: undefined };
}

interface Lookup {
  readonly table: string;
  readonly organization: string;
  readonly entry: HeldEntry;
}

async function holdsEntry(database: Queryable, { table, organization, entry }: Lookup): Promise<boolean> {
  const { rows } = await database.query<{ sequence: string; sha256: Buffer }>(
    `SELECT sequence, sha256 FROM ${table} WHERE organization = $1 AND id = $2`,
    [organization, columnText(entry.id)],
  );
  return rows.some(
    (row) => BigInt(row.sequence) === BigInt(entry.sequence) && entry.sha256.equals(row.sha256),
  );
}

async function compareEntries(
  database: Database,
  {
    table,
    organization,
    entries,
  }: { readonly table: string; readonly organization: string; readonly entries: readonly HeldPlace[] },
): Promise<HeldDifference[]> {
  const { rows } = await database.query<{ sequence: string; sha256: Buffer }>(
    `SELECT sequence, sha256 FROM ${table} WHERE organization = $1 AND sequence = ANY($2::bigint[])`,
    [organization, entries.map(({ sequence }) => sequence)],
  );
  const held = new Map(rows.map((row) => [Number(row.sequence), row.sha256]));
  return entries.flatMap(({ sequence, sha256 }): HeldDifference[] => {
    const other = held.get(sequence);
    if (other === undefined) return [{ sequence, kind: 'missing' }];
    return sha256.equals(other) ? [] : [{ sequence, kind: 'altered' }];
  });
}

function destinationLost(table: string, organization: string, last: HeldEntry): SinkError {
  return new SinkError(
    `The table ${table} no longer holds the entry ${quoteId(last.id)} of ${organization} (sequence ${last.sequence}) as it was acknowledged. Restore the table, or reset this sink's offset to have everything written again.`,
    { code: 'destination_lost', retryable: false },
  );
}
