/** `reconcile` and `restore` as an operator runs them: the built program, its output and its exit codes. */
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, realpath, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { openTestDatabase } from '../helpers/filled-ledger.ts';
import { createTestDatabase } from '../helpers/postgres.ts';
import { startStrictObjectStore } from '../helpers/strict-object-store.ts';
import { runProgram, startProgram, type Ended } from './run-program.ts';

const cleanups: (() => Promise<unknown>)[] = [];
let directory: string;
let sandbox: Sandbox;

beforeEach(async () => {
  directory = await mkdtemp(join(await realpath(tmpdir()), 'proof-commands-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function start(options: { readonly entries: number; readonly historyDays?: number }): Promise<void> {
  sandbox = await startSandbox(options);
  cleanups.push(() => sandbox.close());
}

const config = (): string => join(directory, 'config.yaml');

async function configure(settings: object): Promise<void> {
  const common = {
    api: { url: sandbox.url, requestsPerSecond: 1000, pageSize: 500 },
    organizations: [{ name: 'acme', apiKey: sandbox.apiKey }],
    lease: '5s',
    server: 'off',
    log: { level: 'error' },
  };
  await writeFile(config(), JSON.stringify({ ...common, ...settings }));
}

function environment(): Record<string, string> {
  return { CCLOUD_AUDIT_CONFIG: config(), AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
}

async function audit(...words: readonly string[]): Promise<Ended> {
  return await runProgram(words, { env: environment() });
}

async function expectDone(...words: readonly string[]): Promise<Ended> {
  const ended = await audit(...words);
  expect(`${ended.exitCode}: ${ended.stderr}`).toMatch(/^0: /);
  return ended;
}

function truth(): string[] {
  return sandbox.truth().map(({ raw }) => raw.toString('utf8'));
}

async function filesIn(root: string): Promise<[string, Buffer][]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true });
  return await Promise.all(
    found
      .filter((file) => file.isFile())
      .map(async (file): Promise<[string, Buffer]> => {
        const path = join(file.parentPath, file.name);
        return [relative(root, path), await readFile(path)];
      }),
  );
}

function expectWhole(lines: readonly { readonly sequence: number; readonly raw: string }[]): void {
  expect(lines.map(({ sequence }) => sequence)).toEqual(truth().map((_, index) => index + 1));
  expect(lines.map(({ raw }) => raw).toSorted()).toEqual(truth().toSorted());
}

describe('restore', () => {
  it(
    'rebuilds from a bucket although it is killed in the middle, and both sinks go on',
    { timeout: 120_000 },
    async () => {
      await start({ entries: 9000, historyDays: 60 });
      const bucket = await startStrictObjectStore();
      cleanups.push(() => bucket.close());
      const database = await createTestDatabase();
      cleanups.push(() => database.drop());
      const { settings, url: endpoint } = bucket;
      await configure({
        store: { url: database.url },
        sinks: [
          { name: 'warehouse', type: 'postgres', url: database.url },
          {
            name: 'archive',
            type: 's3',
            bucket: settings.bucket,
            prefix: 'cc',
            region: settings.region,
            endpoint,
            forcePathStyle: true,
            roll: { entries: 200 },
          },
        ],
      });
      await expectDone('backfill');
      const reader = await openTestDatabase(database.url);
      cleanups.push(() => reader.close());
      await reader.query('DROP SCHEMA ccloud_audit CASCADE');

      const child = startProgram(['restore', `s3://${settings.bucket}/cc`], { env: environment() });
      const exited = once(child, 'exit');
      await vi.waitFor(
        async () => {
          const { rows } = await reader.query<{ objects: string }>(
            'SELECT count(*) AS objects FROM ccloud_audit.objects',
          );
          if (Number(rows[0]?.objects) < 3) throw new Error('not yet');
        },
        { timeout: 30_000, interval: 5 },
      );
      child.kill('SIGKILL');
      expect(await exited).toEqual([null, 'SIGKILL']);
      const unusable = await audit('status');
      expect([unusable.exitCode, unusable.stderr]).toEqual([
        4,
        expect.stringContaining('was begun and not finished'),
      ]);

      const { stdout } = await expectDone('restore', 'archive', '-o', 'json');
      const { organizations } = JSON.parse(stdout) as { organizations: { held: number; restored: number }[] };
      expect(organizations).toMatchObject([{ organization: 'acme', head: 9000, notYetSigned: 0 }]);
      expect(organizations[0]?.held).toBeGreaterThan(0);
      expect(organizations[0]?.restored).toBeGreaterThan(0);
      sandbox.append(Array.from({ length: 300 }, () => ({})));
      await expectDone('backfill');
      expectWhole(
        archivedLines(
          [...bucket.objects()].map(([name, bytes]) => [name.slice(3), bytes]),
          'acme',
        ),
      );
      const { rows } = await reader.query<{ raw: string; sequence: string }>(
        'SELECT raw, sequence FROM audit.cockroach_cloud_entries ORDER BY sequence',
      );
      expectWhole(rows.map(({ raw, sequence }) => ({ raw, sequence: Number(sequence) })));
    },
  );

  it('rebuilds an embedded store from a copy of a directory', { timeout: 120_000 }, async () => {
    await start({ entries: 400, historyDays: 10 });
    const [data, archive] = [join(directory, 'data'), join(directory, 'archive')];
    await configure({
      store: { url: `pglite:${data}` },
      sinks: [{ name: 'disk', type: 'file', directory: archive, roll: { entries: 90 } }],
    });
    await expectDone('backfill');
    await rm(data, { recursive: true });
    const { stdout, stderr } = await expectDone('restore', archive);
    expect(stdout).toMatch(/acme +400 +0 +400/);
    expect(stderr).toContain('reads everything once');
    sandbox.append([{}, {}]);
    await expectDone('backfill');
    expectWhole(archivedLines(await filesIn(archive), 'acme'));
  });

  it('says what is wrong with an archive and ends with 6, with the source and ends with 2', async () => {
    await start({ entries: 300, historyDays: 10 });
    const database = await createTestDatabase();
    cleanups.push(() => database.drop());
    const archive = join(directory, 'archive');
    const sinks = [{ name: 'disk', type: 'file', directory: archive, roll: { entries: 90 } }];
    await configure({ store: { url: database.url }, sinks });
    await expectDone('backfill');
    await configure({ store: { url: database.url, schema: 'another' }, sinks });
    const [object = ''] = (await filesIn(archive))
      .map(([path]) => path)
      .filter((path) => path.endsWith('.gz'));
    await unlink(join(archive, object));
    const refused = await audit('restore', 'disk');
    expect([refused.exitCode, refused.stdout]).toEqual([6, expect.stringContaining('object_missing')]);
    expect(refused.stderr).toContain('nothing was restored');
    const witnessed = await audit('restore', 'disk', '--head', '0'.repeat(64));
    expect([witnessed.exitCode, witnessed.stdout]).toEqual([6, expect.stringContaining('head_unknown')]);

    const cases: [string[], string][] = [
      [['restore'], 'source'],
      [['restore', 'nowhere'], "can't be read"],
      [['restore', 'https://example.com'], 'neither'],
      [['restore', directory], 'No sink of the configuration'],
      [['restore', 'disk', '--sink', 'other'], 'not an archive sink'],
      [['restore', 'disk', '--head', 'abc'], '64 hex digits'],
      [['restore', 'disk', '--key', 'nowhere.pem'], "can't be read"],
    ];
    for (const [words, sentence] of cases) {
      const { exitCode, stderr } = await audit(...words);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(sentence)]);
    }
  });
});

describe('reconcile', () => {
  it(
    'ends with 0, with 6 and what is missing, with 0 once it is repaired',
    { timeout: 120_000 },
    async () => {
      await start({ entries: 400, historyDays: 10 });
      const database = await createTestDatabase();
      cleanups.push(() => database.drop());
      const sinks = [
        { name: 'warehouse', type: 'postgres', url: database.url },
        { name: 'console', type: 'stdout' },
      ];
      await configure({ store: { url: database.url }, sinks });
      await expectDone('backfill');
      const whole = await expectDone('reconcile', '--from', '30d');
      expect(whole.stderr).toMatch(
        /no difference is left[^]*holds all, unaltered[^]*"console" was not compared/,
      );

      const reader = await openTestDatabase(database.url);
      cleanups.push(() => reader.close());
      await reader.query('DELETE FROM ccloud_audit.ledger_rows WHERE sequence = 33');
      await reader.query('DELETE FROM audit.cockroach_cloud_entries WHERE sequence = 44');
      const found = await audit('reconcile', '--from', '30d', '-o', 'json');
      expect(found.exitCode).toBe(6);
      expect(JSON.parse(found.stdout)).toMatchObject({
        organizations: [
          {
            organization: 'acme',
            differences: 2,
            missing: { count: 1, entries: [{ sequence: null }] },
            extra: { count: 0 },
            sinks: [
              { sink: 'warehouse', isCompared: true, missing: { count: 1, entries: [{ sequence: 44 }] } },
              { sink: 'console', isCompared: false },
            ],
          },
        ],
      });
      await reader.query(
        `UPDATE ccloud_audit.organizations SET lease_holder = 'another', lease_until = now() + interval '1 hour'`,
      );
      const held = await audit('reconcile', '--from', '30d', '--repair');
      expect([held.exitCode, held.stderr]).toEqual([5, expect.stringContaining('another')]);
      await reader.query('UPDATE ccloud_audit.organizations SET lease_until = NULL');
      const repaired = await expectDone('reconcile', '--from', '30d', '--repair', '--sink', 'console');
      expect(repaired.stderr).toContain('1 were repaired');
    },
  );

  it('ends with 2 for a range or a name that can not be, with 3 where the API refuses', async () => {
    await start({ entries: 20 });
    const database = await createTestDatabase();
    cleanups.push(() => database.drop());
    await configure({ store: { url: database.url }, sinks: [] });
    const cases: [string[], string][] = [
      [[], '--from'],
      [['--from', 'yesterday'], 'must be a time'],
      [['--from', '1d', '--to', '2d'], 'must be before'],
      [['--from', '1d', '--organization', 'other'], 'not in the configuration'],
      [['--from', '1d'], 'knows no organization'],
    ];
    for (const [words, sentence] of cases) {
      const { exitCode, stderr } = await audit('reconcile', ...words);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(sentence)]);
    }
    await expectDone('backfill');
    sandbox.revokeKey();
    expect((await audit('reconcile', '--from', '1d')).exitCode).toBe(3);
  });
});
