import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/database/database.ts';
import { openPglite } from '../../../src/database/pglite.ts';
import { describeSinkContract, type SinkSetup } from '../../contracts/sink-contract.ts';
import { plainEntries, sinkEntry } from '../../helpers/sink-entries.ts';
import { openedSinkOn, sinkOn } from './postgres-fixture.ts';
import { readTable } from './read-table.ts';

const { signal } = new AbortController();

let directory: string;
let store: Database;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pglite-sink-'));
  store = await openPglite({ directory });
});

afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

function newTable(): string {
  return `s${randomBytes(6).toString('hex')}.entries`;
}

// The sink shares the store's own database here, as it does when its configuration names no URL.
async function createSetup(): Promise<SinkSetup> {
  const table = newTable();
  return {
    sink: sinkOn(store, table),
    restart: async () => sinkOn(store, table),
    readBack: (organization) => readTable(store, table, organization),
    loseIt: async () => {
      await store.query(`DELETE FROM ${table}`);
    },
    dispose: async () => undefined,
  };
}

describeSinkContract('postgres on the embedded database', { create: createSetup, canLose: true });

describe('the postgres sink on the embedded database', () => {
  test('finds the one entry of a batch that can not be stored', async () => {
    const table = newTable();
    const sink = await openedSinkOn(store, table);
    const long = sinkEntry({ sequence: 4, raw: '{"a":1}', id: randomBytes(9000).toString('hex') });
    const entries = [...plainEntries(1, 3), long, ...plainEntries(5, 3)];
    await expect(sink.write({ organization: 'acme', entries }, { signal })).rejects.toMatchObject({
      code: 'entry_refused',
      poisonSequence: 4,
    });
    expect(await readTable(store, table, 'acme')).toHaveLength(3);
  });

  test('leaves the payload out where the number in it is too big, and goes on', async () => {
    const table = newTable();
    const sink = await openedSinkOn(store, table);
    const odd = sinkEntry({ sequence: 2, raw: '{"id":"odd","payload":{"a":1e400000}}' });
    const entries = [...plainEntries(1, 1), odd, ...plainEntries(3, 1)];
    await sink.write({ organization: 'acme', entries }, { signal });
    const { rows } = await store.query(`SELECT id, payload IS NULL AS empty FROM ${table} ORDER BY sequence`);
    expect(rows).toEqual([
      { id: 'entry-1', empty: false },
      { id: 'odd', empty: true },
      { id: 'entry-3', empty: false },
    ]);
  });
});
