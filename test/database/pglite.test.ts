import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { embeddedDirectory, openDatabase } from '../../src/database/open-database.ts';
import { openPglite, type EmbeddedDatabase } from '../../src/database/pglite.ts';
import { engineLost, PgliteThread } from '../../src/database/pglite-thread.ts';
import { failureOf } from '../contracts/database-contract.ts';

const compiled = new URL('../../dist/src/database/pglite.js', import.meta.url).href;

// Writes rows one by one and prints the number of each when it was committed.
const writer = `
  import { openPglite } from ${JSON.stringify(compiled)};
  const database = await openPglite({ directory: process.argv[1] });
  await database.query('CREATE TABLE IF NOT EXISTS marks (id bigint PRIMARY KEY)');
  for (let id = 0; ; id += 1) {
    await database.query('INSERT INTO marks VALUES ($1)', [id]);
    console.log(id);
  }
`;

describe('an engine that stopped', () => {
  test.each([
    [
      'with no space left',
      4096,
      'It has stopped working: x. There is almost no space left on its disk (4 KiB). Free or add space.',
    ],
    ['with space left', 100 * 1024 * 1024, 'It has stopped working: x.'],
    ['on a disk that nobody knows', undefined, 'It has stopped working: x.'],
  ])('%s leaves the outcome of its last statement open, and says what it can', (_, free, sentence) => {
    const lost = engineLost('It', 'x', free);
    expect(lost).toMatchObject({ code: 'connection_lost', retryable: true });
    expect(lost.message).toBe(sentence);
  });
});

describe('the embedded database', () => {
  const opened: EmbeddedDatabase[] = [];
  let root: string;
  let directory: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'pglite-'));
    directory = path.join(root, 'data');
  });
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close();
    await rm(root, { recursive: true, force: true });
  });

  async function open(options: { readonly create?: boolean } = {}): Promise<EmbeddedDatabase> {
    const database = await openPglite({ directory, ...options });
    opened.push(database);
    return database;
  }

  test('is for nobody else to read, and keeps what it was given', async () => {
    const database = await open();
    expect(database).toMatchObject({ kind: 'pglite', fingerprint: directory });
    await database.query('CREATE TABLE marks (id bigint)');
    await database.query('INSERT INTO marks SELECT generate_series(1, 50000)');
    await database.maintain('public.marks');
    await database.maintain();
    const statistics = await database.query(
      "SELECT reltuples::int8 AS n FROM pg_class WHERE relname = 'marks'",
    );
    expect(statistics.rows).toEqual([{ n: '50000' }]);
    await expectPrivate(directory);
    await database.close();
    expect((await readdir(directory)).toSorted()).toEqual(['postgres']);
    const again = await open({ create: false });
    expect((await again.query('SELECT count(*) AS n FROM marks')).rows).toEqual([{ n: '50000' }]);
  });

  test('is not made where it is not wanted', async () => {
    const error = await failureOf(open({ create: false }));
    expect(error).toMatchObject({ code: 'database_missing', retryable: false });
    expect(error.message).toContain(directory);
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('leaves the main thread its turns while it works', async () => {
    const database = await open();
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    await database.query("SELECT count(md5(n::text || 'x')) FROM generate_series(1, 300000) AS n");
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });

  test('can be had by one only, and is free again afterwards', async () => {
    const database = await open();
    await expect(openPglite({ directory })).rejects.toMatchObject({ kind: 'held', code: 'store_held' });
    await database.close();
    await (await open()).close();
  });

  test('is made by a start that follows a killed one at once, and nothing of that one stays', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', writer, directory], {
      stdio: 'ignore',
    });
    let made: string | undefined;
    while (made === undefined) {
      await wait(5);
      const names = await readdir(directory).catch(() => []);
      const unfinished = names.find((name) => name.startsWith('postgres.new'));
      if (unfinished !== undefined && existsSync(path.join(directory, unfinished, 'base'))) made = unfinished;
    }
    child.kill('SIGKILL');
    const database = await open();
    expect((await database.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(existsSync(path.join(directory, made))).toBe(false);
    await database.close();
    expect(await readdir(directory)).toEqual(['postgres']);
  });

  test('that can not be opened says so and gives the directory back', async () => {
    await mkdir(path.join(directory, 'postgres'), { recursive: true });
    await writeFile(path.join(directory, 'postgres', 'PG_VERSION'), '9.6\n');
    const error = await failureOf(open());
    expect(error).toMatchObject({ kind: 'store', code: 'connection_lost' });
    expect(error.message).toContain(directory);
    expect(await readdir(directory)).toEqual(['postgres']);
  });

  test('keeps every committed row when its process is killed', async () => {
    await (await open()).close();
    const child = spawn(process.execPath, ['--input-type=module', '-e', writer, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let last = -1;
    for await (const line of createInterface({ input: child.stdout })) {
      last = Number(line);
      if (last === 200) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const database = await open();
    const { rows } = await database.query<{ n: string; top: string }>(
      'SELECT count(*) AS n, max(id) AS top FROM marks',
    );
    expect(Number(rows[0]?.top)).toBeGreaterThanOrEqual(last);
    expect(Number(rows[0]?.n)).toBe(Number(rows[0]?.top) + 1);
  });

  test('rejects what is pending when its thread dies', async () => {
    await (await open()).close();
    const thread = await PgliteThread.start(path.join(directory, 'postgres'), 'The embedded database');
    const pending = failureOf(
      thread.execute('SELECT count(md5(n::text)) FROM generate_series(1, 100000000) AS n', []),
    );
    await thread.terminate();
    expect(await pending).toMatchObject({ code: 'connection_lost', retryable: true });
    expect(thread.hasEnded).toBe(true);
    expect(await failureOf(thread.execute('SELECT 1', []))).toMatchObject({ code: 'connection_lost' });
    await thread.close();
  });

  test('is opened by its URL', async () => {
    const url = `pglite:${directory}`;
    expect(embeddedDirectory(url)).toBe(directory);
    expect(embeddedDirectory('pglite:./data')).toBe(path.resolve('data'));
    expect(embeddedDirectory('postgres://localhost/x')).toBeUndefined();
    const database = await openDatabase({ url, applicationName: 'test', connectTimeoutMs: 1000 });
    expect(database.kind).toBe('pglite');
    await database.close();
    const wrong = openDatabase({
      url: 'mysql://u:secret@h/x',
      applicationName: 'test',
      connectTimeoutMs: 1000,
    });
    await expect(wrong).rejects.toMatchObject({
      kind: 'usage',
      message: expect.not.stringContaining('secret'),
    });
  });
});

async function expectPrivate(directory: string): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const open: string[] = [];
  for (const entry of entries) {
    const { mode } = await stat(path.join(entry.parentPath, entry.name));
    if ((mode & 0o077) !== 0) open.push(path.join(entry.parentPath, entry.name));
  }
  expect(entries.length).toBeGreaterThan(900);
  expect(open).toEqual([]);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
}
