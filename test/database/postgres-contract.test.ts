import { openPostgres } from '../../src/database/postgres.ts';
import { databaseContract } from '../contracts/database-contract.ts';
import { createTestDatabase } from '../helpers/postgres.ts';

databaseContract('PostgreSQL', async () => {
  const created = await createTestDatabase();
  return {
    open: ({ onStatement, afterStatement }) =>
      openPostgres({
        url: created.url,
        applicationName: 'contract',
        connectTimeoutMs: 10_000,
        onStatement,
        afterStatement,
      }),
    dispose: () => created.drop(),
  };
});
