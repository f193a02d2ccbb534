/** Databases of their own on a PostgreSQL server that is there for tests. */
import { randomBytes } from 'node:crypto';
import { openPostgres } from '../../src/database/postgres.ts';
import { quoteIdentifier } from '../../src/database/sql.ts';

export interface TestDatabase {
  readonly url: string;
  /** Removes it, whoever is still connected. */
  drop(): Promise<void>;
}

/** Creates a database, as a copy of `template` where one is given (nobody may be connected to that). */
export async function createDatabaseOn(
  serverUrl: string,
  options: { readonly template?: string } = {},
): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = quoteIdentifier(options.template ?? 'template1');
  await administer(serverUrl, `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${template}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => administer(serverUrl, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`),
  };
}

async function administer(url: string, sql: string): Promise<void> {
  const admin = await openPostgres({ url, applicationName: 'tests', connectTimeoutMs: 10_000, poolMax: 1 });
  try {
    await admin.query(sql);
  } finally {
    await admin.close();
  }
}
