import { afterAll, beforeAll } from 'vitest';
import { createPostgresSink, parseTableName } from '../../../sinks/postgres/index.ts';
import type { Sink } from '../../../sinks/sink.ts';
import type { Database } from '../../../src/database/database.ts';
import { openPostgres } from '../../../src/database/postgres.ts';
import { parsePostgresUrl, postgresFingerprint } from '../../../src/database/postgres-url.ts';
import { describeSinkContract, type SinkSetup } from '../../contracts/sink-contract.ts';
import { createTestDatabase, type TestDatabase } from '../../helpers/postgres.ts';
import { startOutageProxy } from '../../helpers/outage-proxy.ts';
import { readTable } from './read-table.ts';

const password = 'pAssw0rd-nobody-may-see';

let testDatabase: TestDatabase;
let direct: Database;
let tables = 0;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  direct = await openPostgres({ url: testDatabase.url, applicationName: 'test', connectTimeoutMs: 10_000 });
});

afterAll(async () => {
  await direct.close();
  await testDatabase.drop();
});

async function createSetup(): Promise<SinkSetup> {
  tables += 1;
  const table = `contract_${tables}.entries`;
  const url = new URL(testDatabase.url);
  const proxy = await startOutageProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  url.password = password;
  const create = (): Sink =>
    createPostgresSink({
      name: 'warehouse',
      table: parseTableName(table),
      databaseFingerprint: postgresFingerprint(parsePostgresUrl(url.href)),
      database: () => openPostgres({ url: url.href, applicationName: 'sink', connectTimeoutMs: 10_000 }),
      ownsDatabase: true,
    });
  return {
    sink: create(),
    restart: async () => create(),
    readBack: (organization) => readTable(direct, table, organization),
    breakIt: () => proxy.cut(),
    repairIt: () => proxy.mend(),
    loseIt: async () => {
      await direct.query(`DELETE FROM ${table}`);
    },
    secrets: [password],
    dispose: () => proxy.close(),
  };
}

describeSinkContract('postgres on PostgreSQL', { create: createSetup, canBreak: true, canLose: true });
