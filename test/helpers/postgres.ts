/** Databases on the shared PostgreSQL server of the test run, one per test file, fresh and empty. */
import { inject } from 'vitest';
import { createDatabaseOn, type TestDatabase } from './postgres-databases.ts';

export type { TestDatabase } from './postgres-databases.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The shared server's database `postgres`, as superuser; postgres-global-setup.ts starts it. */
    postgresUrl: string;
  }
}

/** Creates a database, as a copy of `template` where one is given (nobody may be connected to that). */
export async function createTestDatabase(
  options: { readonly template?: string } = {},
): Promise<TestDatabase> {
  return await createDatabaseOn(inject('postgresUrl'), options);
}
