/** The real program through a long log: how large it is after a fifth of it, and at the end. */
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openPostgres } from '../../src/database/postgres.ts';
import { startProgram } from '../cli/run-program.ts';
import type { TestDatabase } from '../helpers/postgres.ts';
import { freePort } from '../helpers/postgres-server.ts';
import { processSize, type ProcessSize } from '../helpers/process-size.ts';

export interface LongHaul {
  readonly exitCode: number | null;
  readonly held: number;
  /** When a fifth of the entries was in the ledger. */
  readonly early: ProcessSize;
  /** The last look before the end. */
  readonly late: ProcessSize;
  readonly seconds: number;
}

const lookEveryMs = 200;

/** The sandbox is a process of its own, so that its history is not counted. */
export async function runLongHaul(
  entries: number,
  createDatabase: () => Promise<TestDatabase>,
): Promise<LongHaul> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'long-haul-'));
  const database = await createDatabase();
  const port = await freePort();
  const sandbox = startProgram(['sandbox', '--port', String(port), '--entries', String(entries)]);
  let told = '';
  sandbox.stdout.on('data', (text: Buffer) => (told += text.toString()));
  sandbox.stderr.on('data', (text: Buffer) => (told += text.toString()));
  const direct = await openPostgres({ url: database.url, applicationName: 'tests', connectTimeoutMs: 5000 });
  const started = performance.now();
  try {
    const url = `http://127.0.0.1:${port}`;
    while (!(await answers(url))) await delay(lookEveryMs);
    const config = join(folder, 'config.yaml');
    const [, apiKey = ''] = /(CCDB1_\w+)/.exec(told) ?? [];
    await writeFile(
      config,
      JSON.stringify({
        api: { url, requestsPerSecond: 1000 },
        organizations: [{ name: 'acme', apiKey }],
        store: { url: database.url },
        server: 'off',
        sinks: [
          { name: 'warehouse', type: 'postgres', url: database.url },
          { name: 'disk', type: 'file', directory: join(folder, 'archive') },
        ],
      }),
    );
    const child = startProgram(['backfill', '-c', config]);
    child.stdout.resume();
    child.stderr.resume();
    const exit = once(child, 'exit') as Promise<[number | null]>;
    let early: ProcessSize | undefined;
    let late: ProcessSize | undefined;
    while (child.exitCode === null && child.signalCode === null) {
      const held = await count(
        direct,
        'SELECT max(next_sequence) - 1 AS held FROM ccloud_audit.organizations',
      );
      if (held < entries / 5) {
        await delay(lookEveryMs);
        continue;
      }
      late = (await sizeIfAlive(child.pid)) ?? late;
      early ??= late;
      await delay(lookEveryMs);
    }
    const [exitCode] = await exit;
    if (early === undefined || late === undefined)
      throw new Error(`the program ended with ${exitCode} before a fifth`);
    const held = await count(direct, 'SELECT count(*) AS held FROM audit.cockroach_cloud_entries');
    return { exitCode, held, early, late, seconds: Math.round((performance.now() - started) / 1000) };
  } finally {
    sandbox.kill('SIGTERM');
    await direct.close();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(`${url}/sandbox/traps`);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** Zero before the program made the table. */
async function count(direct: Awaited<ReturnType<typeof openPostgres>>, sql: string): Promise<number> {
  try {
    const { rows } = await direct.query<{ held: string | null }>(sql);
    return Number(rows[0]?.held ?? 0);
  } catch (error) {
    if (error instanceof Error && 'sqlState' in error && error.sqlState === '42P01') return 0;
    throw error;
  }
}

async function sizeIfAlive(pid: number | undefined): Promise<ProcessSize | undefined> {
  try {
    return pid === undefined ? undefined : await processSize(pid);
  } catch (error) {
    // It ended between two looks.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined;
    throw error;
  }
}
