/** F11, F12, F41: a process that dies at any moment loses nothing and doubles nothing, in any sink. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openPostgres } from '../../src/database/postgres.ts';
import { startSandbox } from '../../src/sandbox/index.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { createTestDatabase } from '../helpers/postgres.ts';
import { startStrictObjectStore } from '../helpers/strict-object-store.ts';

/** FAULT_KILLS and FAULT_SEED make a longer run, or the same one again. */
const kills = Number(process.env['FAULT_KILLS'] ?? 5);
const seed = Number(process.env['FAULT_SEED'] ?? 1);
const program = join(import.meta.dirname, '../../dist/src/cli/main.js');
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function start(config: string): { readonly child: ChildProcess; stderr(): string } {
  const env = {
    ...process.env,
    COCKROACH_API_KEY: undefined,
    COCKROACH_SERVER: undefined,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  const child = spawn(process.execPath, [program, 'backfill', '--config', config], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, stderr: () => text };
}

/** A small generator, so that a seed makes the same moments again (mulberry32). */
function randomFrom(first: number): () => number {
  let state = first;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

async function filesIn(directory: string): Promise<[string, Buffer][]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  return await Promise.all(
    found
      .filter((file) => file.isFile())
      .map(async (file): Promise<[string, Buffer]> => {
        const path = join(file.parentPath, file.name);
        return [relative(directory, path), await readFile(path)];
      }),
  );
}

describe('a backfill that is killed with SIGKILL', () => {
  it(
    `loses and doubles nothing in Postgres, s3 and files (${kills} kills, seed ${seed})`,
    { timeout: 120_000 + kills * 30_000 },
    async () => {
      const random = randomFrom(seed);
      const sandbox = await startSandbox({
        entries: 12_000,
        historyDays: 40,
        seed,
        traps: ['inclusive'],
        latencyMs: 20,
      });
      cleanups.push(() => sandbox.close());
      const store = await startStrictObjectStore();
      cleanups.push(() => store.close());
      const database = await createTestDatabase();
      cleanups.push(() => database.drop());
      const folder = await mkdtemp(join(await realpath(tmpdir()), 'sigkill-'));
      cleanups.push(() => rm(folder, { recursive: true, force: true }));
      const config = join(folder, 'config.yaml');
      await writeFile(
        config,
        JSON.stringify({
          api: { url: sandbox.url, requestsPerSecond: 1000, pageSize: 200 },
          organizations: [{ name: 'acme', apiKey: sandbox.apiKey }],
          lease: '5s',
          store: { url: database.url },
          server: 'off',
          sinks: [
            { name: 'warehouse', type: 'postgres', url: database.url },
            { name: 'disk', type: 'file', directory: join(folder, 'archive'), roll: { entries: 300 } },
            {
              name: 'bucket',
              type: 's3',
              bucket: store.settings.bucket,
              region: store.settings.region,
              endpoint: store.url,
              forcePathStyle: true,
              roll: { entries: 500 },
            },
          ],
        }),
      );
      let done = 0;
      while (done < kills) {
        const { child } = start(config);
        const exited = once(child, 'exit');
        // From before the store is open until well into the work; a lease of the dead runs out in between.
        const outcome = await Promise.race([
          delay(300 + random() * 8000).then(() => 'alive' as const),
          exited.then(() => 'ended' as const),
        ]);
        child.kill('SIGKILL');
        await exited;
        done += 1;
        if (outcome === 'ended' && done < kills) sandbox.append(Array.from({ length: 500 }, () => ({})));
      }
      const last = start(config);
      const [exitCode] = (await once(last.child, 'exit')) as [number | null];
      expect(`${exitCode ?? 'killed'}: ${last.stderr()}`).toMatch(/^0: /);

      const truth = sandbox.truth().map((entry) => entry.raw.toString('utf8'));
      const reader = await openPostgres({
        url: database.url,
        applicationName: 'tests',
        connectTimeoutMs: 5000,
      });
      cleanups.push(() => reader.close());
      const { rows } = await reader.query<{ raw: string; sequence: string }>(
        'SELECT raw, sequence FROM audit.cockroach_cloud_entries ORDER BY sequence',
      );
      expect(rows.map((row) => Number(row.sequence))).toEqual(truth.map((_, index) => index + 1));
      const warehouse = rows.map((row) => row.raw);
      expect(warehouse.toSorted()).toEqual(truth.toSorted());
      const disk = archivedLines(await filesIn(join(folder, 'archive')), 'acme');
      expect(disk.map((line) => line.raw)).toEqual(warehouse);
      expect(archivedLines(store.objects(), 'acme').map((line) => line.raw)).toEqual(warehouse);
    },
  );
});
