import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { migrations, schemaVersion } from '../../src/ledger/migrations.ts';
import { silentLogger } from '../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { StatementFaults } from '../helpers/statement-faults.ts';

let test: TestDatabase;
const opened: Database[] = [];

beforeEach(async () => {
  test = await createTestDatabase();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.close()));
  await test.drop();
});

async function connect(
  options: { readonly url?: string; readonly faults?: StatementFaults } = {},
): Promise<Database> {
  const database = await openPostgres({
    url: options.url ?? test.url,
    applicationName: 'tests',
    connectTimeoutMs: 5000,
    onStatement: options.faults?.onStatement,
  });
  opened.push(database);
  return database;
}

async function open(
  database: Database,
  options: { readonly migrate?: boolean; readonly schema?: string } = {},
): Promise<Ledger> {
  return await openLedger({
    database,
    schema: options.schema ?? 'ccloud_audit',
    migrate: options.migrate ?? true,
    leaseMs: 30_000,
    logger: silentLogger,
  });
}

async function setProperty(database: Database, name: string, value: number): Promise<void> {
  await database.query('UPDATE ccloud_audit.properties SET value = $2 WHERE name = $1', [
    name,
    String(value),
  ]);
}

function passingOn(database: Database): Database {
  return {
    kind: database.kind,
    fingerprint: database.fingerprint,
    copyIn: (sql, data) => database.copyIn(sql, data),
    transaction: (body, options) => database.transaction(body, options),
    close: () => database.close(),
    query: (sql, parameters) => database.query(sql, parameters),
  };
}

describe('a store', () => {
  it('is made once by processes that start together, with one ledger id', async () => {
    const databases = await Promise.all(Array.from({ length: 4 }, () => connect()));
    const ledgers = await Promise.all(databases.map((database) => open(database)));
    expect(new Set(ledgers.map(({ ledgerId }) => ledgerId)).size).toBe(1);
    expect(new Set(ledgers.map(({ actor }) => actor)).size).toBe(4);
  });

  it('lets PostgreSQL keep packed lines as they are, and asks nothing of CockroachDB that it has no word for', async () => {
    const storage = async (schema: string): Promise<unknown> => {
      const { rows } = await database.query(
        `SELECT attstorage FROM pg_attribute WHERE attrelid = CAST($1 AS regclass) AND attname = 'lines'`,
        [`${schema}.segments`],
      );
      return rows[0]?.['attstorage'];
    };
    const faults = new StatementFaults();
    const database = await connect({ faults });
    await open(database);
    expect(await storage('ccloud_audit')).toBe('e');
    faults.seen.length = 0;
    await open({ ...passingOn(database), kind: 'cockroachdb' }, { schema: 'elsewhere' });
    expect(faults.seen.filter((sql) => sql.includes('SET STORAGE'))).toEqual([]);
    expect(await storage('elsewhere')).toBe('x');
  });

  it('runs no schema change when it is up to date', async () => {
    await open(await connect());
    const faults = new StatementFaults();
    await open(await connect({ faults }));
    expect(faults.seen.filter((sql) => /CREATE|ALTER|INSERT|UPDATE/.test(sql))).toEqual([]);
  });

  it('is repaired by the next start where one died in the middle of making it', async () => {
    const statements = migrations.flatMap((migration) => migration.statements).length;
    for (const after of [1, 5, statements - 1]) {
      const faults = new StatementFaults();
      const database = await connect({ faults });
      const schema = `interrupted_${after}`;
      let left = after;
      const dying: Database = {
        ...passingOn(database),
        query: async (sql, parameters) => {
          if (/^\s*CREATE (?:TABLE|INDEX|OR)/.test(sql) && (left -= 1) < 0) throw new Error('killed');
          return await database.query(sql, parameters);
        },
      };
      expect((await rejectionOf(open(dying, { schema }))).message).toBe('killed');
      expect((await open(await connect(), { schema })).ledgerId).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('that is not migrated is refused with migrate: false, with what to do', async () => {
    const error = await rejectionOf(open(await connect(), { migrate: false }));
    expect(error).toMatchObject({ kind: 'store', code: 'store_not_migrated', retryable: false });
    expect(error.message).toContain('ccloud-audit store migrate');
    expect(error.message).toContain('"ccloud_audit"');
  });

  it('that is migrated is taken with migrate: false', async () => {
    const made = await open(await connect());
    expect((await open(await connect(), { migrate: false })).ledgerId).toBe(made.ledgerId);
  });

  it('of a newer release is refused only where it says so, in a sentence', async () => {
    const database = await connect();
    await open(database);
    await setProperty(database, 'schema_version', schemaVersion + 1);
    await open(database);
    await setProperty(database, 'compatible_from', schemaVersion + 1);
    for (const migrate of [true, false]) {
      const error = await rejectionOf(open(database, { migrate }));
      expect(error).toMatchObject({ kind: 'store', code: 'store_incompatible' });
      expect(error.message).toContain(`schema version ${schemaVersion + 1}`);
      expect(error.message).toContain('Install the newer release');
    }
  });

  it('keeps the newer version where an older program opens it', async () => {
    const database = await connect();
    await open(database);
    await setProperty(database, 'schema_version', schemaVersion + 1);
    await open(database);
    const { rows } = await database.query(
      `SELECT value FROM ccloud_audit.properties WHERE name = 'schema_version'`,
    );
    expect(rows).toEqual([{ value: String(schemaVersion + 1) }]);
  });

  it.each(['Mixed Case', 'a"b', '$1', "$&'x", 'ledger'])('lives in a schema named %s', async (schema) => {
    const ledger = await open(await connect(), { schema });
    const { rows } = await ledger.database.query('SELECT count(*) AS lines FROM ledger.journal_entries');
    expect(rows).toEqual([{ lines: '0' }]);
    const { rows: schemas } = await ledger.database.query(
      'SELECT nspname FROM pg_namespace WHERE nspname = $1',
      [schema],
    );
    expect(schemas).toHaveLength(1);
  });

  it('needs no right to create schemas where its own is there', async () => {
    const admin = await connect();
    const role = `exporter_${test.url.slice(-12)}`;
    await admin.query(`CREATE ROLE ${role} LOGIN`);
    try {
      await admin.query(`CREATE SCHEMA ccloud_audit AUTHORIZATION ${role}`);
      const url = new URL(test.url);
      url.username = role;
      const ledger = await open(await connect({ url: url.href }));
      expect(ledger.ledgerId).toMatch(/^[0-9a-f-]{36}$/);
    } finally {
      await admin.query(`DROP OWNED BY ${role}`);
      await admin.query(`DROP ROLE ${role}`);
    }
  });
});
