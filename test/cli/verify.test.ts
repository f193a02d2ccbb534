import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateSigningKey, parseSigningKey } from '../../src/archive/digest/signing-key.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { createTestDatabase } from '../helpers/postgres.ts';
import { startStrictObjectStore } from '../helpers/strict-object-store.ts';
import { runProgram, type Ended } from './run-program.ts';

const cleanups: (() => Promise<unknown>)[] = [];
let folder: string;
let sandbox: Sandbox;
let config: string;
let archive: string;

beforeEach(async () => {
  folder = await mkdtemp(join(await realpath(tmpdir()), 'cli-verify-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  sandbox = await startSandbox({ entries: 300 });
  cleanups.push(() => sandbox.close());
  const database = await createTestDatabase();
  cleanups.push(() => database.drop());
  archive = join(folder, 'archive');
  const key = generateSigningKey();
  await writeFile(join(folder, 'key.pem'), key);
  await writeFile(join(folder, 'key.pub.pem'), parseSigningKey(key).publicKey.pem);
  config = join(folder, 'config.yaml');
  await writeFile(
    config,
    JSON.stringify({
      api: { url: sandbox.url, requestsPerSecond: 1000 },
      organizations: [{ name: 'acme', apiKey: sandbox.apiKey }],
      store: { url: database.url },
      signing: { keyFile: join(folder, 'key.pem') },
      server: 'off',
      log: { format: 'json' },
      sinks: [{ name: 'disk', type: 'file', directory: archive, roll: { entries: 50 } }],
    }),
  );
  const { exitCode, stderr } = await runProgram(['backfill', '-c', config]);
  if (exitCode !== 0) throw new Error(stderr);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function verify(...words: readonly string[]): Promise<Ended> {
  return runProgram(['verify', ...words]);
}

interface Json {
  readonly verdict: string;
  readonly archives: readonly {
    readonly organizations: readonly {
      readonly entries: number;
      readonly digests: { readonly count: number };
    }[];
    readonly findingCounts: Readonly<Record<string, number>>;
  }[];
}

function jsonOf({ stdout }: Ended): Json {
  // What the program documents of itself; the expectations hold it to that.
  return JSON.parse(stdout) as Json;
}

async function entriesFile(): Promise<string> {
  const files = await readdir(archive, { recursive: true });
  const found = files.toSorted().find((file) => file.endsWith('.jsonl.gz'));
  if (found === undefined) throw new Error('the archive holds no object');
  return join(archive, found);
}

describe('verify, of what the exporter itself wrote', () => {
  it('takes the archive, the key and the store from the configuration, and finds nothing', async () => {
    const ended = await verify('-c', config, '--store', '-o', 'json');
    expect(ended.exitCode, ended.stdout + ended.stderr).toBe(0);
    const { verdict, archives } = jsonOf(ended);
    expect(verdict).toBe('verified');
    expect(archives[0]?.organizations[0]?.entries).toBe(sandbox.truth().length);
    expect(archives[0]?.organizations[0]?.digests.count).toBeGreaterThan(0);
  });

  it('needs nothing but a copy and the public key, and tells people what was proved', async () => {
    const copy = join(folder, 'copy');
    await cp(archive, copy, { recursive: true });
    await rm(archive, { recursive: true });
    const ended = await verify(copy, '--key', join(folder, 'key.pub.pem'));
    expect(ended.exitCode, ended.stdout + ended.stderr).toBe(0);
    expect(ended.stdout).toContain(`${copy}: verified`);
    expect(ended.stdout).toMatch(/Proved\n.*300 entries .* byte for byte/);
    expect(ended.stdout).toContain('it is what reconcile compares');
  });

  it('ends with 6 and names the object when one was altered', async () => {
    const file = await entriesFile();
    await appendFile(file, 'x');
    const ended = await verify('-c', config);
    expect(ended.exitCode).toBe(6);
    expect(ended.stdout).toContain(`gzip_invalid: The object ${file.slice(archive.length + 1)}`);
    expect(ended.stderr).not.toContain('    at ');
  });

  it('ends with 6 and goes on where a folder can not be listed', async () => {
    // Deeper than any path can be.
    const script = `n=$(printf 'd%.0s' $(seq 200)); for i in $(seq 25); do mkdir $n && cd -P $n || exit 1; done`;
    await promisify(execFile)('sh', ['-c', script], { cwd: join(archive, 'organization=acme') });
    await appendFile(await entriesFile(), 'x');
    const ended = await verify('-c', config, '-o', 'json');
    await promisify(execFile)('rm', ['-rf', join(archive, 'organization=acme', 'd'.repeat(200))]);
    expect(ended.exitCode).toBe(6);
    expect(jsonOf(ended).archives[0]?.findingCounts).toEqual({
      folder_unreadable: 1,
      gzip_invalid: 1,
      object_altered: 1,
    });
  });

  it('ends with 6 where a configured organization has nothing in the archive', async () => {
    const settings = JSON.parse(await readFile(config, 'utf8')) as { readonly organizations: object[] };
    const organizations = [...settings.organizations, { name: 'globex', apiKey: sandbox.apiKey }];
    await writeFile(config, JSON.stringify({ ...settings, organizations }));
    const ended = await verify('-c', config, '-o', 'json');
    expect([ended.exitCode, jsonOf(ended).archives[0]?.findingCounts]).toEqual([
      6,
      { organization_missing: 1 },
    ]);
    expect((await verify('-c', config, '--organization', 'acme')).exitCode).toBe(0);
  });

  it('shows by the store that the end of the archive was removed', async () => {
    const digests = join(archive, 'organization=acme/digests');
    const [first] = (await readdir(digests)).toSorted();
    for (const name of await readdir(digests)) await rm(join(digests, name));
    const ended = await verify('-c', config, '--store', '-o', 'json');
    expect(first).toBe('000000000001.json');
    expect(ended.exitCode).toBe(6);
    expect(jsonOf(ended).archives[0]?.findingCounts).toMatchObject({ no_digests: 1, store_ahead: 1 });
    // What the exporter wrote is known to it, listed by a digest or not.
    expect(jsonOf(ended).archives[0]?.findingCounts).not.toHaveProperty('store_differs');
  });

  it('shows by the store what somebody put behind the end of the archive', async () => {
    const file = await entriesFile();
    const planted = file.replace(/\d{12}(?=\.jsonl)/, '000000000301');
    await cp(file, planted);
    const [plain, compared] = [
      await verify('-c', config, '-o', 'json'),
      await verify('-c', config, '--store', '-o', 'json'),
    ];
    expect(jsonOf(plain).archives[0]?.findingCounts).not.toHaveProperty('store_differs');
    expect(compared.exitCode).toBe(6);
    expect(jsonOf(compared).archives[0]?.findingCounts).toMatchObject({ store_differs: 1 });
    expect(compared.stdout).toContain(
      "000000000301.jsonl.gz is listed by no digest yet, and the exporter's store does not know it",
    );
  });

  it('shows by the store that a signature was removed', async () => {
    const digest = join(archive, 'organization=acme/digests/000000000001.json');
    const envelope = JSON.parse(await readFile(digest, 'utf8')) as object;
    await writeFile(digest, JSON.stringify({ ...envelope, signatures: [] }));
    const ended = await verify('-c', config, '--store', '-o', 'json');
    expect(ended.exitCode).toBe(6);
    expect(jsonOf(ended).archives[0]?.findingCounts).toMatchObject({
      signature_removed: 1,
      store_differs: 1,
    });
  });

  it('writes a page and its JSON', async () => {
    const [page, json] = [join(folder, 'evidence.html'), join(folder, 'evidence.json')];
    const ended = await verify('-c', config, '--report', page, '--report', json);
    expect(ended.exitCode, ended.stderr).toBe(0);
    expect(await readFile(page, 'utf8')).toContain('<title>Audit log archive: verified</title>');
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({ verdict: 'verified' });
    expect(ended.stderr).toContain('evidence.html');
  });

  it('proves one entry, and checks the proof with the public key alone', async () => {
    const entry = JSON.parse(sandbox.truth()[123]?.raw.toString() ?? '') as { readonly id: string };
    const proved = await verify('-c', config, '--entry', entry.id);
    expect(proved.exitCode, proved.stderr).toBe(0);
    const file = join(folder, 'proof.json');
    await writeFile(file, proved.stdout);
    const checked = await verify('--proof', file, '--key', join(folder, 'key.pub.pem'));
    expect(checked.exitCode, checked.stdout).toBe(0);
    expect(checked.stdout).toContain(sandbox.truth()[123]?.raw.toString());
    await writeFile(file, proved.stdout.replace('"index": ', '"index": 1'));
    const refused = await verify('--proof', file, '--key', join(folder, 'key.pub.pem'), '-o', 'json');
    expect(refused.exitCode).toBe(6);
    expect(JSON.parse(refused.stdout)).toMatchObject({ isProved: false, code: 'proof_not_included' });
  });

  it('reads a bucket that the configuration does not know, with the flags for it', async () => {
    const server = await startStrictObjectStore();
    cleanups.push(() => server.close());
    const files = await readdir(archive, { recursive: true, withFileTypes: true });
    for (const file of files.filter((child) => child.isFile())) {
      const path = join(file.parentPath, file.name);
      const key = `some/prefix/${relative(archive, path)}`;
      server.bucket.put(key, { bytes: await readFile(path), headers: {}, isConditional: false });
    }
    const words = ['verify', 's3://audit/some/prefix/', '--endpoint', server.url, '--path-style'];
    const flags = ['--region', 'us-east-1', '--key', join(folder, 'key.pub.pem')];
    const env = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example-secret' };
    const ended = await runProgram([...words, ...flags], { env });
    expect(ended.exitCode, ended.stdout + ended.stderr).toBe(0);
    expect(ended.stdout).toContain('s3://audit/some/prefix: verified');
    expect(ended.stdout).toContain('No object was replaced or deleted');
    const locked = await runProgram([...words, ...flags, '--object-lock'], { env });
    expect(locked.exitCode).toBe(6);
    expect(locked.stdout).toContain('object_lock_missing');
    await server.suspend();
    const away = await runProgram([...words, ...flags], { env });
    expect(away.exitCode).toBe(4);
  });

  it('tells what is wrong with the command line, and what can not be reached', async () => {
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [[], 2, 'There is nothing to verify'],
      [[join(folder, 'nowhere')], 4, "can't be read"],
      [[config], 4, 'is not a directory'],
      [['gs://bucket'], 2, 'neither a directory nor s3://'],
      [[archive, '--key', config], 2, 'not a public key'],
      [[archive, '--key', join(folder, 'key.pem')], 2, 'not a public key'],
      [[archive, '--head', 'abc'], 2, '64 hex digits'],
      [[archive, '--to', 'tomorrow'], 2, '--to must be a time'],
      [[archive, '--report', 'evidence.pdf'], 2, 'ends in .html or .json'],
      [[archive, '--proof', config], 2, 'leave out the archive'],
      [['--proof', join(folder, 'nowhere')], 2, "can't be read"],
      [[archive, '--entry', 'nobody'], 6, 'No object that a digest lists'],
      [[archive], 6, ''],
      [[folder, '--key', join(folder, 'key.pub.pem')], 6, ''],
    ];
    for (const [words, exitCode, message] of cases) {
      const ended = await verify(...words);
      expect(ended.exitCode, words.join(' ')).toBe(exitCode);
      expect(ended.stderr).toContain(message);
    }
  });
});
