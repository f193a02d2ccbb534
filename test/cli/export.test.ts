import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/index.ts';
import { parseTimestamp } from '../../src/time.ts';
import { createTestDatabase } from '../helpers/postgres.ts';
import { freePort } from '../helpers/postgres-server.ts';
import { ended, runProgram, startProgram } from './run-program.ts';

let folder: string;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(await realpath(tmpdir()), 'cli-export-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function sandboxWith(options: SandboxOptions): Promise<Sandbox> {
  const sandbox = await startSandbox({ entries: 200, ...options });
  cleanups.push(() => sandbox.close());
  return sandbox;
}

interface Overrides {
  readonly [key: string]: unknown;
}

/** A configuration on a fresh database of the test server, with entries on stdout. */
async function configFor(
  sandbox: Pick<Sandbox, 'url' | 'apiKey'>,
  overrides: Overrides = {},
): Promise<string> {
  const database = await createTestDatabase();
  cleanups.push(() => database.drop());
  const path = join(folder, 'config.yaml');
  const config = {
    api: { url: sandbox.url, requestsPerSecond: 1000 },
    organizations: [{ name: 'acme', apiKey: sandbox.apiKey }],
    lease: '5s',
    store: { url: database.url },
    server: 'off',
    log: { format: 'json' },
    sinks: [{ name: 'console', type: 'stdout' }],
    ...overrides,
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

describe('backfill with nothing but a key', () => {
  it('exports into an embedded store, prints every entry, and says what it uses', async () => {
    const sandbox = await sandboxWith({});
    const child = startProgram(['backfill'], {
      env: { COCKROACH_SERVER: sandbox.url, COCKROACH_API_KEY: sandbox.apiKey, CCLOUD_AUDIT_CONFIG: '' },
      cwd: folder,
    });
    const { exitCode, stdout, stderr } = await ended(child);
    expect(exitCode, stderr).toBe(0);
    const truth = sandbox.truth().map((entry) => entry.raw.toString('utf8'));
    expect(stdout.trimEnd().split('\n').toSorted()).toEqual(truth.toSorted());
    expect(stderr).toMatch(
      /organization: \S+; store: embedded, in .*ccloud-audit-data; sinks: console \(stdout\)/,
    );
    expect(stderr).not.toContain(sandbox.apiKey);
  });
});

describe('a source that refuses', () => {
  it.each([
    ['unauthorized', 'refused the key (401'],
    ['forbidden', 'Organization Admin'],
    ['feature-off', '404'],
    ['version-refused', 'Cc-Version'],
    ['redirect', 'redirect'],
    ['html-200=x1000', 'HTML'],
  ])('answers %s with exit code 3, a sentence, and nothing printed', async (trap, words) => {
    const sandbox = await sandboxWith({ traps: [trap] });
    const { exitCode, stdout, stderr } = await runProgram(['backfill', '-c', await configFor(sandbox)]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toContain(words);
    expect(stderr).not.toContain(sandbox.apiKey);
  });

  it('gives up on an API that is not there, with the position kept', async () => {
    const port = await freePort();
    const config = await configFor({ url: `http://127.0.0.1:${port}`, apiKey: 'CCDB1_test' });
    const { exitCode, stderr } = await runProgram(['backfill', '-c', config, '--give-up-after', '1s']);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('every position is kept');
  });
});

describe('a store that can not be used', () => {
  it('ends a one-shot with exit code 4 when it can not be reached', { timeout: 60_000 }, async () => {
    const sandbox = await sandboxWith({});
    const port = await freePort();
    const config = await configFor(sandbox, {
      store: { url: `postgres://postgres:geheim@127.0.0.1:${port}/none` },
    });
    const { exitCode, stderr } = await runProgram(['backfill', '-c', config]);
    expect(exitCode).toBe(4);
    expect(stderr).toContain(`127.0.0.1:${port}/none`);
    expect(stderr).not.toContain('geheim');
  });
});

describe('bad command lines', () => {
  it.each([
    [['--from', '2024-02-01', '--to', '2024-01-01'], '--from'],
    [['--from', 'yesterday'], '--from must be a time'],
    [['--sink', 'nowhere'], 'nowhere'],
    [['--give-up-after', 'soon'], '--give-up-after'],
  ])('refuses backfill %j with exit code 2', async (words, complaint) => {
    const sandbox = await sandboxWith({});
    const { exitCode, stderr } = await runProgram(['backfill', '-c', await configFor(sandbox), ...words]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(complaint);
    expect(sandbox.counters.requests).toBe(0);
  });
});

describe('a range', () => {
  it('prints entries from inclusive to exclusive, each time anew', async () => {
    const sandbox = await sandboxWith({});
    const truth = sandbox.truth();
    const from = truth[50]?.createdAt ?? 0n;
    const to = truth[100]?.createdAt ?? 0n;
    const text = (time: bigint): string => new Date(Number(time / 1_000_000n)).toISOString();
    const config = await configFor(sandbox);
    const words = ['backfill', '-c', config, '--from', text(from), '--to', text(to)];
    const first = await runProgram(words);
    const second = await runProgram(words);
    const expected = truth
      .filter(({ createdAt }) => createdAt >= BigInt(Date.parse(text(from))) * 1_000_000n)
      .filter(({ createdAt }) => createdAt < BigInt(Date.parse(text(to))) * 1_000_000n)
      .map((entry) => entry.raw.toString('utf8'));
    expect(first.stdout.trimEnd().split('\n').toSorted()).toEqual(expected.toSorted());
    expect(second.stdout).toBe(first.stdout);
  });

  it('says with --dry-run what it would read and reads nothing', async () => {
    const sandbox = await sandboxWith({});
    const config = await configFor(sandbox);
    const { exitCode, stdout } = await runProgram(['backfill', '-c', config, '--dry-run', '-o', 'json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ organizations: [{ organization: 'acme', head: 0 }] });
    const count = await runProgram([
      'query',
      '-c',
      config,
      'SELECT count(*) AS held FROM entries',
      '-o',
      'json',
    ]);
    expect(JSON.parse(count.stdout)).toMatchObject({ rows: [{ held: '0' }] });
  });
});

describe('signals', () => {
  it('ends run with 0 on SIGTERM and gives every lease back', async () => {
    const sandbox = await sandboxWith({ growPerSecond: 20 });
    const config = await configFor(sandbox, {
      schedule: { tail: '* * * * * *' },
      sinks: [{ name: 'disk', type: 'file', directory: join(folder, 'archive') }],
    });
    const child = startProgram(['run', '-c', config]);
    const result = ended(child);
    await vi.waitFor(() => expect(sandbox.counters.pages).toBeGreaterThan(3), {
      timeout: 20_000,
      interval: 50,
    });
    child.kill('SIGTERM');
    const { exitCode, stderr } = await result;
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('every lease given back');
    const again = await runProgram(['run', '--once', '-c', config]);
    expect(again.exitCode, again.stderr).toBe(0);
  });

  it('ends a backfill with 143 on SIGTERM, and the next one goes on', async () => {
    const sandbox = await sandboxWith({ entries: 3000, latencyMs: 50 });
    const config = await configFor(sandbox, {
      api: { url: sandbox.url, pageSize: 50, requestsPerSecond: 1000 },
    });
    const child = startProgram(['backfill', '-c', config]);
    const result = ended(child);
    await vi.waitFor(() => expect(sandbox.counters.pages).toBeGreaterThan(5), {
      timeout: 20_000,
      interval: 20,
    });
    child.kill('SIGTERM');
    const { exitCode, stderr } = await result;
    expect(exitCode, stderr).toBe(143);
    const pagesBefore = sandbox.counters.pages;
    const { exitCode: secondCode, stdout } = await runProgram(['backfill', '-c', config]);
    expect(secondCode).toBe(0);
    expect(new Set(stdout.trimEnd().split('\n')).size).toBe(3000);
    expect(sandbox.counters.pages - pagesBefore).toBeLessThan(3000 / 50 + 10);
  });

  it('goes on after SIGKILL with eight parts, in the order of a serial read', async () => {
    const sandbox = await sandboxWith({ entries: 3000, latencyMs: 50 });
    const config = await configFor(sandbox, {
      api: { url: sandbox.url, pageSize: 50, requestsPerSecond: 1000 },
    });
    const child = startProgram(['backfill', '--parallel', '8', '-c', config]);
    const result = ended(child);
    await vi.waitFor(() => expect(sandbox.counters.pages).toBeGreaterThan(15), {
      timeout: 20_000,
      interval: 20,
    });
    child.kill('SIGKILL');
    await result;
    const { exitCode, stdout, stderr } = await runProgram(['backfill', '--parallel', '8', '-c', config]);
    expect(exitCode, stderr).toBe(0);
    const times = stdout
      .trimEnd()
      .split('\n')
      .map((line) => parseTimestamp((JSON.parse(line) as { created_at: string }).created_at));
    expect(times).toHaveLength(3000);
    expect(times.filter((time, index) => (time ?? 0n) < (times[index - 1] ?? 0n))).toEqual([]);
  });

  it.each(['0', '33', 'many'])('refuses a number of parts that makes no sense: %s', async (count) => {
    const sandbox = await sandboxWith({});
    const config = await configFor(sandbox, {});
    const { exitCode, stderr } = await runProgram(['backfill', '--parallel', count, '-c', config]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--parallel');
    expect(sandbox.counters.requests).toBe(0);
  });

  it('degrades and goes on when the source fails, and recovers', async () => {
    const sandbox = await sandboxWith({});
    sandbox.revokeKey();
    const port = await freePort();
    const config = await configFor(sandbox, {
      schedule: { tail: '* * * * * *' },
      server: { port },
      sinks: [{ name: 'disk', type: 'file', directory: join(folder, 'archive') }],
    });
    const child = startProgram(['run', '-c', config]);
    const result = ended(child);
    const degraded = { state: 'Degraded', sentence: expect.stringContaining('401') as string };
    await vi.waitFor(
      async () => {
        const status = await fetch(`http://127.0.0.1:${port}/status`);
        expect(await status.json()).toMatchObject({ organizations: [degraded] });
      },
      { timeout: 45_000, interval: 100 },
    );
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    child.kill('SIGTERM');
    expect((await result).exitCode).toBe(0);
    sandbox.restoreKey();
    expect((await runProgram(['run', '--once', '-c', config])).exitCode).toBe(0);
    expect((await runProgram(['status', '-c', config])).exitCode).toBe(0);
  });
});

describe('secrets', () => {
  it('never follow a redirect to another host', async () => {
    let seen = '';
    const thief = createServer((request, response) => {
      seen += JSON.stringify(request.headers);
      response.end('{}');
    });
    await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => thief.close(resolve)));
    const sandbox = await sandboxWith({ traps: ['redirect'] });
    await runProgram(['backfill', '-c', await configFor(sandbox)]);
    expect(seen).toBe('');
  });

  it('are in no file that the exporter writes', async () => {
    const sandbox = await sandboxWith({});
    const archive = join(folder, 'archive');
    const config = await configFor(sandbox, { sinks: [{ name: 'disk', type: 'file', directory: archive }] });
    expect((await runProgram(['backfill', '-c', config])).exitCode).toBe(0);
    const identity = await readFile(join(archive, 'organization=acme/archive.json'), 'utf8');
    expect(identity).not.toContain(sandbox.apiKey);
  });
});
