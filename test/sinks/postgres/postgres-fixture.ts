/** A database for a test file, and sinks on tables of it. */
import { randomBytes } from 'node:crypto';
import { createPostgresSink, parseTableName } from '../../../sinks/postgres/index.ts';
import type { Sink } from '../../../sinks/sink.ts';
import type { Database } from '../../../src/database/database.ts';
import { openPostgres, type PostgresOptions } from '../../../src/database/postgres.ts';
import { createTestDatabase, type TestDatabase } from '../../helpers/postgres.ts';

export interface PostgresFixture {
  readonly testDatabase: TestDatabase;
  /** As superuser, past every sink. */
  readonly direct: Database;
  /** The URL of a new role that has no rights but to connect, with its name. */
  createRole(): Promise<{ readonly role: string; readonly url: string }>;
  /** A schema-qualified name that no other test uses. */
  newTable(): string;
  /** Opens a connection that is closed with the fixture. */
  connect(options?: Partial<PostgresOptions>): Promise<Database>;
  dispose(): Promise<void>;
}

const connectTimeoutMs = 10_000;

export async function createPostgresFixture(): Promise<PostgresFixture> {
  const testDatabase = await createTestDatabase();
  const open: Database[] = [];
  const roles: string[] = [];
  const connect = async (options: Partial<PostgresOptions> = {}): Promise<Database> => {
    const defaults = { url: testDatabase.url, applicationName: 'test', connectTimeoutMs };
    const database = await openPostgres({ ...defaults, ...options });
    open.push(database);
    return database;
  };
  const direct = await connect();
  return {
    testDatabase,
    direct,
    connect,
    newTable: () => `s${randomBytes(6).toString('hex')}.entries`,
    createRole: async () => {
      const role = `r${randomBytes(6).toString('hex')}`;
      roles.push(role);
      await direct.query(`CREATE ROLE ${role} LOGIN`);
      const url = new URL(testDatabase.url);
      url.username = role;
      return { role, url: url.href };
    },
    dispose: async () => {
      for (const role of roles) await direct.query(`DROP OWNED BY ${role}`);
      for (const role of roles) await direct.query(`DROP ROLE ${role}`);
      for (const database of open) await database.close();
      await testDatabase.drop();
    },
  };
}

/** A sink on a database that stays open when the sink is closed. */
export function sinkOn(database: Database, table: string): Sink {
  return createPostgresSink({
    name: 'warehouse',
    table: parseTableName(table),
    databaseFingerprint: database.fingerprint,
    database: async () => database,
    ownsDatabase: false,
  });
}

export async function openedSinkOn(database: Database, table: string): Promise<Sink> {
  const sink = sinkOn(database, table);
  await sink.open({ signal: new AbortController().signal });
  return sink;
}
