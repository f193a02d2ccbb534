import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../config/load.ts';
import { commandTable } from '../src/cli/command-table.ts';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { createMetrics } from '../src/server/metrics.ts';
import { runProgram } from './cli/run-program.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

function deployed(name: string): string {
  return readFileSync(join(import.meta.dirname, '../config/deploy', name), 'utf8');
}

interface Block {
  readonly language: string;
  readonly text: string;
}

function blocks(language: string): string[] {
  const found = [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, name = '', text = '']): Block => ({
    language: name,
    text,
  }));
  return found.filter((block) => block.language === language).map(({ text }) => text);
}

function section(heading: string): string {
  const [, text = ''] = readme.split(`\n## ${heading}\n`);
  return text.split('\n## ')[0] ?? '';
}

/** The first cells of the table rows whose first cell matches. */
function rows(text: string, cell: RegExp): (readonly [string, string])[] {
  return [...text.matchAll(/^\| (.+?) +\| (.+?) +\|$/gm)].flatMap(([, first = '', second = '']) =>
    cell.test(first) ? [[first, second] as const] : [],
  );
}

describe('README.md', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'readme-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('is short', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(250);
  });

  it('names the two commands that want nothing but Node and npm, which are those that are checked', () => {
    const checks = readFileSync(join(import.meta.dirname, '../.ci/run'), 'utf8');
    expect(blocks('sh')).toContain('npm ci && npm run quickstart\n');
    expect(readme).toContain('`npm ci && npm test`');
    expect(checks).toMatch(/^ *step .* bash -c 'npm ci && npm run quickstart'$/m);
    expect(checks).toMatch(/^ *tests 'npm test' npm test$/m);
  });

  it('lists every command with its own summary, and no other', () => {
    const listed = rows(section('Commands'), /^`/).map(([command, summary]) => [
      command.replaceAll('`', ''),
      summary,
    ]);
    const real = commandTable.map(({ path, arguments: places = [], summary }) => [
      [path, ...places.map(({ name }) => name)].join(' '),
      summary,
    ]);
    expect(listed).toEqual(real);
  });

  it('lists every exit code, and no other', () => {
    const listed = rows(section('Commands'), /^\d/).flatMap(([codes]) => codes.split(', ').map(Number));
    expect(listed.toSorted((a, b) => a - b)).toEqual(Object.values(exitCodes).toSorted((a, b) => a - b));
  });

  it('names commands that exist for exit code 6', () => {
    const [meaning = ''] = rows(section('Commands'), /^6$/).map(([, text]) => text);
    const named = [...meaning.matchAll(/`([a-z]+)`/g)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !commandTable.some(({ path }) => path === name))).toEqual([]);
  });

  it('lets a verifier only read', () => {
    const { Statement } = JSON.parse(deployed('iam-verifier.json')) as { Statement: { Action: string[] }[] };
    const actions = Statement.flatMap(({ Action }) => Action);
    expect(actions.length).toBeGreaterThan(0);
    expect(actions.filter((action) => !/^s3:(Get|List)/.test(action))).toEqual([]);
  });

  it('runs commands that exist', async () => {
    const shown = blocks('').flatMap((text) =>
      [...text.matchAll(/^\$ (?:npx )?ccloud-audit (.+)$/gm)].map(([, words = '']) => words),
    );
    expect(shown.length).toBeGreaterThan(2);
    for (const words of shown) {
      const command = commandTable.find(({ path }) => words === path || words.startsWith(`${path} `));
      expect(command, words).toBeDefined();
      const ended = await runProgram([...(command?.path.split(' ') ?? []), '--help']);
      expect([words, ended.exitCode]).toEqual([words, 0]);
    }
  });

  it('shows a configuration that loads, with every sink of its table', async () => {
    const [configuration = ''] = blocks('yaml').filter((text) => text.startsWith('organizations:'));
    const sinks = rows(section('Sinks'), /^`(postgres|s3|file|stdout)`$/).map(
      ([, cells]) => /`(\{.+?\})`/.exec(cells)?.[1] ?? '',
    );
    expect(sinks).toHaveLength(4);
    const document = parse(configuration) as Record<string, unknown>;
    await writeFile(
      join(folder, 'key'),
      'CCDB1_SandboxSandboxSandboxS_ThisKeyOpensNothingButALocalSandbox00000',
    );
    await writeFile(
      join(folder, 'url'),
      'postgres://ccloud_audit@db.example.com/ccloud_audit?sslmode=verify-full',
    );
    const file = join(folder, 'ccloud-audit.yaml');
    const whole = {
      ...document,
      organizations: [{ name: 'acme', apiKeyFile: join(folder, 'key') }],
      store: { urlFile: join(folder, 'url') },
      sinks: sinks.map((sink) => parse(sink) as unknown),
    };
    await writeFile(file, JSON.stringify(whole));
    const { config } = await loadConfig({ path: file, env: {} });
    expect(config.sinks.map(({ type }) => type)).toEqual(['postgres', 's3', 'file', 'stdout']);
  });

  it('has policies and rules that can be read', () => {
    for (const name of ['bucket-policy.json', 'iam-exporter.json', 'iam-verifier.json'])
      expect(JSON.parse(deployed(name))).toHaveProperty('Statement');
    expect(parse(deployed('alerts.yaml'))).toHaveProperty('groups');
    expect(parse(deployed('vector.yaml'))).toHaveProperty('sources');
    for (const text of blocks('yaml')) expect(parse(text)).toBeTypeOf('object');
  });

  it('alerts on metrics that exist, and has its example from the rules', async () => {
    const metrics = createMetrics({ version: '0', status: () => Promise.reject(new Error('no store')) });
    const exposition = await metrics.scrape();
    const known = new Set([...exposition.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
    const rules = deployed('alerts.yaml');
    for (const text of [readme, rules]) {
      const named = new Set([...text.matchAll(/\bccloud_audit_[a-z_]+/g)].map(([name]) => name));
      expect([...named].filter((name) => !known.has(name))).toEqual([]);
      expect(named.size).toBeGreaterThan(6);
    }
    const [example] = parse(blocks('yaml').find((text) => text.startsWith('- alert:')) ?? '') as unknown[];
    const { groups } = parse(rules) as { groups: { rules: unknown[] }[] };
    expect(groups.flatMap((group) => group.rules)).toContainEqual(example);
  });
});
