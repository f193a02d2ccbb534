/**
 * Moves a store to another database: every row of every table, in portions, then a comparison. The ledger keeps its id,
 * so archives go on without noticing.
 *
 *   leases of all work taken ─▶ empty schema migrated, its id taken away ─▶ rows ─▶ compared ─▶ id written
 *
 * A schema without an id is refused by every program, so a copy that was interrupted can't be used by mistake.
 * The source stays as it was.
 */
import { ExporterError } from '../errors.ts';
import type { Database } from '../database/database.ts';
import { announceStep } from '../steps.ts';
import { writeJournal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import { prepareStore } from './migrate.ts';
import { withSchema } from './schema-name.ts';
import { compareStores, type CopiedStore } from './copy-check.ts';
import { copyTable, readTables, type StoreTable } from './copy-table.ts';
import { allWork, underLeases } from './operator-lease.ts';
import { listOrganizations } from './organizations.ts';

export interface CopyOptions {
  /** The database to copy to; whoever opened it closes it. */
  readonly target: Database;
  readonly signal: AbortSignal;
  /** Told after each portion. */
  readonly onProgress?: (progress: { readonly table: string; readonly rows: number }) => void;
}

const countTables = `SELECT count(*) AS tables FROM information_schema.tables WHERE table_schema = $1`;
const takeId = `DELETE FROM ledger.properties WHERE name = 'ledger_id'`;
const setId = `INSERT INTO ledger.properties (name, value) VALUES ('ledger_id', $1)`;
// Leases are of processes that work on the source.
const clearReadLeases = `UPDATE ledger.organizations SET lease_holder = NULL, lease_until = NULL`;
const clearDeliveryLeases = `UPDATE ledger.deliveries SET lease_holder = NULL, lease_until = NULL`;

/** Its rows are the target's own: version numbers and the id. */
const ownTable = 'properties';

/**
 * Copies the ledger into the same schema name of `target`. Throws an ExporterError: `held` while anybody works on the
 * source, `target_not_empty`, `copy_differs`.
 */
export async function copyStore(ledger: Ledger, options: CopyOptions): Promise<CopiedStore> {
  const { target } = options;
  await refuseFilled(target, ledger.schema);
  return await underLeases(ledger, await allWork(ledger, await listOrganizations(ledger)), async (leases) => {
    const database = withSchema(target, ledger.schema);
    await prepareStore(database, { schema: ledger.schema, migrate: true });
    await database.query(takeId);
    const tables = await tablesToCopy(ledger, target);
    const from = ledger.database;
    for (const table of tables) {
      options.signal.throwIfAborted();
      await copyTable(table, {
        from,
        to: database,
        isStopped: () => {
          options.signal.throwIfAborted();
          for (const lease of leases) lease.signal.throwIfAborted();
        },
        onProgress: (rows) => options.onProgress?.({ table: table.name, rows }),
      });
      announceStep('table-copied');
    }
    await database.query(clearReadLeases);
    await database.query(clearDeliveryLeases);
    const copied = await compareStores(from, database, tables);
    for (const { name } of tables) await database.query(`ANALYZE ledger.${name}`);
    announceStep('before-copy-end');
    await finish(ledger, target, database);
    return copied;
  });
}

async function finish(ledger: Ledger, target: Database, database: Database): Promise<void> {
  const detail = { from: ledger.database.fingerprint, to: target.fingerprint };
  await writeJournal(ledger, { what: 'store_copied', detail }, database);
  await database.query(setId, [ledger.ledgerId]);
  await writeJournal(ledger, { what: 'store_copied', detail });
}

async function refuseFilled(target: Database, schema: string): Promise<void> {
  const { rows } = await target.query<{ tables: string }>(countTables, [schema]);
  if (Number(rows[0]?.tables) === 0) return;
  throw new ExporterError(
    `The schema "${schema}" at ${target.fingerprint} is not empty; nothing was copied. If it is left over from a copy that was ` +
      'interrupted, drop it there and copy again; else choose another database.',
    { kind: 'store', code: 'target_not_empty' },
  );
}

/** The source's tables, all of whose columns the target has. */
async function tablesToCopy(ledger: Ledger, target: Database): Promise<StoreTable[]> {
  const there = new Map((await readTables(target, ledger.schema)).map((table) => [table.name, table]));
  const tables = (await readTables(ledger.database, ledger.schema)).filter(({ name }) => name !== ownTable);
  for (const table of tables) {
    const names = new Set(there.get(table.name)?.columns.map(({ name }) => name));
    const missing = table.columns.find(({ name }) => !names.has(name));
    if (missing === undefined) continue;
    throw new ExporterError(
      `The store has a column ${table.name}.${missing.name} that this release does not know; it was written by a newer one. ` +
        'Copy it with that release. The schema that was begun at the target can be dropped.',
      { kind: 'store', code: 'store_incompatible' },
    );
  }
  return tables;
}
