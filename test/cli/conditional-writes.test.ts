import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { createTestDatabase } from '../helpers/postgres.ts';
import { startStrictObjectStore, type StrictObjectStore } from '../helpers/strict-object-store.ts';
import { runProgram, type Ended } from './run-program.ts';

const identityKey = 'cc/organization=acme/archive.json';
const cleanups: (() => Promise<unknown>)[] = [];
let folder: string;
let sandbox: Sandbox;
let store: StrictObjectStore;
let databaseUrl: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-conditional-writes-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  sandbox = await startSandbox({ entries: 100 });
  cleanups.push(() => sandbox.close());
  store = await startStrictObjectStore({ isVersioned: true });
  cleanups.push(() => store.close());
  databaseUrl = await freshDatabase();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function freshDatabase(): Promise<string> {
  const database = await createTestDatabase();
  cleanups.push(() => database.drop());
  return database.url;
}

async function run(words: readonly string[], sink: Readonly<Record<string, unknown>> = {}): Promise<Ended> {
  const place = { bucket: 'audit', prefix: 'cc', region: 'us-east-1', endpoint: store.url };
  const s3 = { name: 'archive', type: 's3', forcePathStyle: true, ...place };
  const config = join(folder, 'config.yaml');
  await writeFile(
    config,
    JSON.stringify({
      api: { url: sandbox.url, requestsPerSecond: 1000 },
      organizations: [{ name: 'acme', apiKey: sandbox.apiKey }],
      store: { url: databaseUrl },
      server: 'off',
      sinks: [sink['type'] === undefined ? { ...s3, ...sink } : sink],
    }),
  );
  return await runProgram([...words, '-c', config]);
}

describe('an object store that ignores conditional writes', () => {
  beforeEach(() => {
    store.settings.ignoresConditions = true;
  });

  it.each([['backfill'], ['run --once']])(
    'stops %s with exit code 4 before an entry is archived',
    async (command) => {
      const { exitCode, stdout, stderr } = await run(command.split(' '));
      expect(exitCode, stderr).toBe(4);
      expect(stdout).toBe('');
      expect(stderr).toContain('s3://audit/cc ignores conditional writes');
      expect(stderr).toContain('Use a store that honours If-None-Match, or set conditionalWrites: off');
      expect(stderr).not.toContain('    at ');
      expect([...store.objects().keys()]).toEqual([identityKey]);
      const puts = store.requests.filter(({ operation }) => operation === 'PutObject');
      expect(puts.map(({ headers }) => headers['if-none-match'])).toEqual(['*', '*']);
    },
  );

  it('stops again at every start, and leaves the archive of another exporter as it is', async () => {
    expect((await run(['backfill'])).exitCode).toBe(4);
    expect((await run(['backfill'])).exitCode).toBe(4);
    const identity = store.objects().get(identityKey);
    databaseUrl = await freshDatabase();
    const { exitCode, stderr } = await run(['backfill']);
    expect(exitCode, stderr).toBe(4);
    expect(stderr).toContain('was begun by another ledger');
    expect(store.objects()).toEqual(new Map([[identityKey, identity]]));
  });

  it('gets everything, once, where the operator says that nobody else writes there', async () => {
    const { exitCode, stderr } = await run(['backfill'], { conditionalWrites: false });
    expect(exitCode, stderr).toBe(0);
    const lines = archivedLines(store.objects(), 'acme');
    const truth = sandbox.truth().map(({ raw }) => raw.toString());
    expect(lines.map(({ raw }) => raw).toSorted()).toEqual(truth.toSorted());
    const versions = store.bucket.allVersions('').map(({ key }) => key);
    expect(versions).toEqual([...store.objects().keys()]);
  });
});

/** What `config check` says of the sink. */
async function finding(sink: Readonly<Record<string, unknown>> = {}): Promise<{
  readonly exitCode: number | null;
  readonly ok: boolean;
  readonly text: string;
}> {
  const { exitCode, stdout, stderr } = await run(['config', 'check', '-o', 'json'], sink);
  expect(stderr).not.toContain('    at ');
  // What the program documents of itself; the expectations hold it to that.
  const { checks } = JSON.parse(stdout) as {
    readonly checks: readonly {
      readonly subject: string;
      readonly ok: boolean;
      readonly finding: string;
    }[];
  };
  const check = checks.find(({ subject }) => subject === 'sink archive');
  return { exitCode, ok: check?.ok ?? false, text: check?.finding ?? '' };
}

describe('config check', () => {
  it('puts nothing into a bucket, and says that the first run tries conditional writes', async () => {
    const { exitCode, text } = await finding();
    expect([exitCode, text]).toEqual([0, expect.stringContaining('tried by the first run')]);
    expect(store.requests.some(({ operation }) => operation === 'PutObject')).toBe(false);
  });

  it('tells that conditional writes are honoured where the archive has begun, and changes nothing', async () => {
    await run(['backfill']);
    const before = store.bucket.allVersions('').length;
    const { exitCode, text } = await finding();
    expect([exitCode, text]).toEqual([0, expect.stringContaining('conditional writes: honoured')]);
    expect(store.bucket.allVersions('')).toHaveLength(before);
  });

  it('tells that they are ignored where the archive has begun', async () => {
    await run(['backfill']);
    store.settings.ignoresConditions = true;
    const { exitCode, ok, text } = await finding();
    expect([exitCode, ok]).toEqual([4, false]);
    expect(text).toContain('ignores conditional writes');
  });

  it('tells that the archive is another ledger’s, and leaves it as it is', async () => {
    await run(['backfill']);
    store.settings.ignoresConditions = true;
    const identity = store.objects().get(identityKey);
    databaseUrl = await freshDatabase();
    const { exitCode, ok, text } = await finding();
    expect([exitCode, ok]).toEqual([4, false]);
    expect(text).toContain('was begun by another ledger');
    expect(store.objects().get(identityKey)).toEqual(identity);
  });
});

describe('config check of a directory', () => {
  it('tells that its archive is another ledger’s, and puts nothing into one without', async () => {
    const directory = join(folder, 'archive');
    const disk = { name: 'archive', type: 'file', directory };
    expect(await finding(disk)).toMatchObject({ exitCode: 0, ok: true });
    expect(await readdir(directory)).toEqual(['.incomplete']);
    await run(['backfill'], disk);
    expect(await finding(disk)).toMatchObject({ exitCode: 0, ok: true });
    databaseUrl = await freshDatabase();
    const { exitCode, ok, text } = await finding(disk);
    expect([exitCode, ok]).toEqual([4, false]);
    expect(text).toContain('was begun by another ledger');
  });
});

describe('an object store that refuses conditional writes', () => {
  it('stops with exit code 4 and has nothing put into it', async () => {
    store.settings.refusesConditions = true;
    const { exitCode, stderr } = await run(['backfill']);
    expect(exitCode, stderr).toBe(4);
    expect(stderr).toContain("If it can't write conditionally, set conditionalWrites: off");
    expect(store.objects().size).toBe(0);
  });
});
