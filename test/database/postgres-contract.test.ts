import { openPostgres } from '../../src/database/postgres.ts';
import { databaseContract } from '../contracts/database-contract.ts';
import { createTestDatabase } from '../helpers/postgres.ts';

databaseContract('PostgreSQL', async () => {
  const { url, drop } = await createTestDatabase();
  return {
    open: ({ onStatement, afterStatement }) =>
      openPostgres({
        url,
        applicationName: 'contract',
        connectTimeoutMs: 10_000,
        onStatement,
        afterStatement,
      }),
    dispose: drop,
  };
});
