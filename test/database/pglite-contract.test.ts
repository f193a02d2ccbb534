import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openPglite } from '../../src/database/pglite.ts';
import { databaseContract } from '../contracts/database-contract.ts';

databaseContract('PGlite', async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'pglite-'));
  return {
    open: ({ onStatement, afterStatement }) => openPglite({ directory, onStatement, afterStatement }),
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
});
