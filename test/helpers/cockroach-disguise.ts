/**
 * A PostgreSQL that calls itself CockroachDB, since there is none to test on: the program takes its ways for CockroachDB,
 * SERIALIZABLE among them, and whoever watches the statements holds them to what CockroachDB can do.
 */
import { openPostgres } from '../../src/database/postgres.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

const disguise = [
  'CREATE SCHEMA disguise',
  `CREATE FUNCTION disguise.version() RETURNS text LANGUAGE sql AS $$ SELECT 'CockroachDB CCL v25.4.0' $$`,
];

export async function createDisguisedDatabase(): Promise<TestDatabase> {
  const test = await createTestDatabase();
  const database = await openPostgres({ url: test.url, applicationName: 'tests', connectTimeoutMs: 5000 });
  for (const statement of disguise) await database.query(statement);
  await database.close();
  const url = new URL(test.url);
  // What is named before pg_catalog hides what is in it.
  url.searchParams.set('options', '-c search_path=disguise,public,pg_catalog');
  return { ...test, url: url.href };
}
