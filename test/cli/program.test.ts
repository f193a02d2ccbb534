/** The built program as a user has it: a process with arguments, streams, signals and an exit code. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { commandTable } from '../../src/cli/command-table.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { ended, type Ended, runProgram, startProgram } from './run-program.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cli-program-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

describe('help', () => {
  it('lists every command, the exit codes and the variables, and exits 0', async () => {
    const { exitCode, stdout, stderr } = await runProgram(['--help']);
    expect([exitCode, stderr]).toEqual([0, '']);
    for (const { path, summary } of commandTable)
      expect(stdout).toMatch(new RegExp(`${path}.*${summary.slice(0, 20)}`));
    expect(stdout).toMatch(/Exit codes:[^]*7 {2}done, but entries are parked[^]*COCKROACH_API_KEY/);
  });

  it('is there for every command, and every command can be loaded', async () => {
    for (const entry of commandTable) {
      const module = await entry.load();
      expect(typeof module.run).toBe('function');
    }
    const { exitCode, stdout } = await runProgram(['cluster', 'user', 'create', '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /Usage: ccloud-audit cluster user create \[options\] <id> <name>[^]*--password-stdin[^]*--yes/,
    );
  });

  it('comes on stderr with exit code 2 where a command is missing', async () => {
    for (const words of [[], ['config'], ['cluster', 'user']]) {
      const { exitCode, stdout, stderr } = await runProgram(words);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toContain('Usage: ccloud-audit');
    }
  });

  it('knows the version of the package', async () => {
    const { version } = JSON.parse(
      await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
    ) as { version: string };
    expect(await runProgram(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('a wrong command line ends with 2 and', () => {
  it.each([
    ['suggests a command', ['confg', 'show'], "unknown command 'confg'\n(Did you mean config?)"],
    ['suggests a word below', ['config', 'shw'], "unknown command 'shw'\n(Did you mean show?)"],
    [
      'suggests an option',
      ['config', 'check', '--ofline'],
      "unknown option '--ofline'\n(Did you mean --offline?)",
    ],
    ['names a missing argument', ['cluster', 'get'], "missing required argument 'id'"],
    ['names a missing option', ['region', 'list'], "required option '--provider <provider>' not specified"],
    ['refuses what is too much', ['config', 'schema', 'x'], 'too many arguments'],
    ['names the formats', ['config', 'show', '-o', 'csv'], 'It may be table, json.'],
    [
      'names the formats of a command that came later',
      ['-o', 'csv', 'config', 'show'],
      'has no output as csv; it has table and json',
    ],
    ['names the levels', ['config', 'show', '--log-level', 'loud'], 'Allowed choices are trace, debug'],
    [
      'names the range of a number',
      ['audit', 'list', '--limit', '0'],
      '--limit must be a whole number of 1 to 1000000, not "0"',
    ],
    ['shows no control characters that were typed', ['\u001b[2J'], "unknown command '\\u001b[2J'"],
  ])('%s', async (_name, words, expected) => {
    const { exitCode, stdout, stderr } = await runProgram(words, { env: { COCKROACH_API_KEY: 'k' } });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(expected);
  });
});

describe('the configuration', () => {
  it('is begun with a file that checks out, readable by its owner only, and never written over', async () => {
    const path = join(directory, 'begun.yaml');
    expect((await runProgram(['config', 'init', path])).exitCode).toBe(0);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const env = { COCKROACH_API_KEY: 'k' };
    const checked = await runProgram(['config', 'check', '--offline', '-c', path], { env });
    expect(checked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(checked.stdout).toContain('1 organization, 1 sink, embedded store');
    const again = await runProgram(['config', 'init', path]);
    expect(again.exitCode).toBe(2);
    expect(again.stderr).toBe(`error: ${path} exists already and was left as it is; name another file.\n`);
    expect((await runProgram(['config', 'init'])).stdout).toBe(await readFile(path, 'utf8'));
  });

  it('is shown without its secrets, the flag nearest to the command winning', async () => {
    const path = join(directory, 'shown.yaml');
    await writeFile(
      path,
      'organizations: [{ name: acme, apiKey: very-secret }]\nstore: { url: "postgres://u:hunter2@localhost/db" }',
    );
    const { exitCode, stdout } = await runProgram([
      '-o',
      'table',
      '--log-level',
      'warn',
      'config',
      '-c',
      path,
      'show',
      '-o',
      'json',
      '--log-level',
      'error',
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).not.toMatch(/very-secret|hunter2/);
    expect(JSON.parse(stdout)).toMatchObject({
      organizations: [{ name: 'acme', apiKey: '[hidden]' }],
      store: { url: 'postgres://localhost:5432/db?sslmode=disable', retention: 'forever' },
      log: { level: 'error' },
    });
  });

  it('is described by a JSON Schema', async () => {
    const { exitCode, stdout } = await runProgram(['config', 'schema']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'object', properties: { sinks: { type: 'array' } } });
  });

  it('ends with 2 and all problems when it is wrong, as JSON where that was asked for', async () => {
    const path = join(directory, 'wrong.yaml');
    await writeFile(path, 'overlap: 5\nlog: { level: loud }\n');
    const text = await runProgram(['config', 'check', '-c', path], { env: { COCKROACH_API_KEY: 'k' } });
    expect(text.exitCode).toBe(2);
    expect(text.stderr).toMatch(
      /^error: The configuration in .* has 2 problems:\n {2}overlap .*\n {2}log\.level .*\n$/,
    );
    const json = await runProgram(['config', 'check', '-c', path, '-o', 'json'], {
      env: { COCKROACH_API_KEY: 'k' },
    });
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { kind: 'usage', code: 'config_invalid' } });
  });

  it('tells both ways to begin when there is none', async () => {
    const { exitCode, stderr } = await runProgram(['audit', 'list']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^error: There is neither a configuration nor an API key\. Set COCKROACH_API_KEY .*config init/,
    );
  });
});

describe('with a Cloud API', () => {
  let sandbox: Sandbox;
  let env: Readonly<Record<string, string>>;

  const begin = async (options: Parameters<typeof startSandbox>[0]): Promise<void> => {
    sandbox = await startSandbox({ entries: 300, ...options });
    env = { COCKROACH_SERVER: sandbox.url, COCKROACH_API_KEY: sandbox.apiKey };
  };

  afterEach(() => sandbox.close());

  it('entries are listed newest first, and as JSON byte for byte', async () => {
    await begin({});
    const { exitCode, stdout } = await runProgram(['audit', 'list', '--limit', '3', '-o', 'json'], { env });
    expect(exitCode).toBe(0);
    const newest = sandbox.truth().slice(-3).toReversed();
    for (const { raw } of newest) expect(stdout).toContain(raw.toString('utf8'));
    const { entries } = JSON.parse(stdout) as { readonly entries: readonly { readonly id: string }[] };
    expect(entries.map(({ id }) => id)).toEqual(newest.map(({ id }) => id));
  });

  it('as many entries are listed as were asked for, over several pages', async () => {
    await begin({ pageLimitMax: 40 });
    const { stdout } = await runProgram(
      ['audit', 'list', '--limit', '150', '--sort-order', 'ASC', '-o', 'csv'],
      { env },
    );
    expect(stdout.trim().split('\r\n')).toHaveLength(151);
  });

  it('a cluster lives from creation to deletion, by its name', async () => {
    await begin({});
    const run = (...words: readonly string[]): Promise<Ended> => runProgram(words, { env });
    const created = await run(
      'cluster',
      'create',
      'acme-trial',
      '--provider',
      'gcp',
      '--region',
      'us-central1',
      '-o',
      'json',
    );
    expect(created.exitCode).toBe(0);
    const { id } = JSON.parse(created.stdout) as { readonly id: string };
    expect(JSON.parse((await run('cluster', 'info', 'acme-trial', '-o', 'json')).stdout)).toMatchObject({
      id,
    });
    expect((await run('cluster', 'list')).stdout).toContain(id);

    // A cluster that is still being created has no SQL users yet.
    sandbox.advance(60_000);
    const withPassword = await runProgram(
      ['cluster', 'user', 'create', 'acme-trial', 'bob', '--password-stdin'],
      {
        env,
        stdin: 'correct horse battery\n',
      },
    );
    expect(withPassword.exitCode).toBe(0);
    expect((await run('cluster', 'user', 'list', id)).stdout).toBe('NAME\nbob\n');
    expect((await run('cluster', 'user', 'set-password', id, 'bob')).stderr).toContain(
      'use --password-stdin',
    );
    expect((await run('cluster', 'user', 'delete', id, 'bob', '--yes')).exitCode).toBe(0);

    const refused = await run('cluster', 'delete', 'acme-trial');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(
      `Delete the cluster acme-trial (${id}) and all its data? Nobody can be asked here: add --yes`,
    );
    expect((await run('cluster', 'delete', 'acme-trial', '--yes')).exitCode).toBe(0);
    expect((await run('cluster', 'get', 'acme-trial')).exitCode).toBe(2);
  });

  it('a name that two clusters have is refused with both ids', async () => {
    await begin({});
    const { stdout } = await runProgram(['cluster', 'list', '-o', 'json'], { env });
    const { clusters } = JSON.parse(stdout) as {
      readonly clusters: readonly { readonly name: string; readonly id: string }[];
    };
    const doubled = clusters.find(
      ({ name }, index) => clusters.findIndex((other) => other.name === name) !== index,
    );
    const { exitCode, stderr } = await runProgram(['cluster', 'nodes', doubled?.name ?? ''], { env });
    expect(exitCode).toBe(2);
    for (const { id } of clusters.filter(({ name }) => name === doubled?.name)) expect(stderr).toContain(id);
  });

  it('a refused key ends with 3, and `config check` says which connection it was', async () => {
    await begin({});
    sandbox.revokeKey();
    const listed = await runProgram(['audit', 'list'], { env });
    expect([listed.exitCode, listed.stdout]).toEqual([3, '']);
    expect(listed.stderr).toMatch(/refused the key \(401/);
    const checked = await runProgram(['config', 'check', '-o', 'json'], { env });
    expect(checked.exitCode).toBe(3);
    expect(JSON.parse(checked.stdout)).toMatchObject({
      checks: [
        { subject: 'configuration', ok: true },
        { subject: 'organization', ok: false },
        { subject: 'store', ok: true },
        { subject: 'sink console', ok: true },
      ],
    });
    expect(listed.stderr + checked.stdout + checked.stderr).not.toContain('ThisKeyOpensNothing');
  });

  it('a reader that has had enough is a normal end', async () => {
    await begin({ entries: 3000 });
    const child = startProgram(['audit', 'list', '--limit', '3000', '-o', 'json'], { env });
    child.stdout.destroy();
    const errors: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    const [exitCode] = (await once(child, 'close')) as [number | null];
    expect([exitCode, Buffer.concat(errors).toString()]).toEqual([0, '']);
  });
});

describe('a command that waits for an answer', () => {
  let server: Server;
  let env: Readonly<Record<string, string>>;

  beforeEach(async () => {
    // It takes requests and never answers.
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    env = { COCKROACH_SERVER: `http://127.0.0.1:${port}`, COCKROACH_API_KEY: 'k' };
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('is stopped by %s and ends with %d, without a complaint', async (signal, expected) => {
    const requested = once(server, 'request');
    const child = startProgram(['audit', 'list'], { env });
    const end = ended(child);
    await requested;
    child.kill(signal);
    expect(await end).toEqual({ exitCode: expected, stdout: '', stderr: '' });
  });
});

describe('the sandbox', () => {
  it('prints what to set, serves, and ends with 0 when it is stopped', async () => {
    const child = startProgram(['sandbox', '--entries', '20', '--seed', '7', '-o', 'json', '--quiet']);
    const end = ended(child);
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    const { url, apiKey } = JSON.parse(first.toString()) as { readonly url: string; readonly apiKey: string };
    const env = { COCKROACH_SERVER: url, COCKROACH_API_KEY: apiKey };
    const listed = await runProgram(['audit', 'list', '--limit', '50', '-o', 'csv'], { env });
    expect(listed.stdout.trim().split('\r\n')).toHaveLength(21);
    child.kill('SIGTERM');
    expect(await end).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('refuses a trap that it does not have', async () => {
    const { exitCode, stderr } = await runProgram(['sandbox', '--trap', 'inclusiv']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('did you mean "inclusive"?');
  });

  it('lists its traps', async () => {
    const { exitCode, stdout } = await runProgram(['sandbox', '--trap', 'help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('inclusive');
  });
});
