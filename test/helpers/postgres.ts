/** Databases on the shared PostgreSQL server of the test run, one per test file, fresh and empty. */
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import { quoteIdentifier } from '../../src/database/sql.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The shared server's database `postgres`, as superuser; postgres-global-setup.ts starts it. */
    postgresUrl: string;
  }
}

export interface TestDatabase {
  readonly url: string;
  /** Removes it, whoever is still connected. */
  drop(): Promise<void>;
}

/** Creates a database, as a copy of `template` where one is given (nobody may be connected to that). */
export async function createTestDatabase(
  options: { readonly template?: string } = {},
): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = quoteIdentifier(options.template ?? 'template1');
  await administer(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${template}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => administer(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`),
  };
}

async function administer(sql: string): Promise<void> {
  const admin: Database = await openPostgres({
    url: inject('postgresUrl'),
    applicationName: 'tests',
    connectTimeoutMs: 10_000,
    poolMax: 1,
  });
  try {
    await admin.query(sql);
  } finally {
    await admin.close();
  }
}
