/** Which room may import which: arrows point one way, and a third-party package enters through one door. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');

interface Import {
  readonly from: string;
  readonly to: string;
}

function sourceFiles(): string[] {
  return ['config', 'src', 'sinks'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${folder}/${file}`),
  );
}

/** Static, type-only and dynamic imports and re-exports alike. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)'([^']+)'/gm)].map(
    ([, name]) => name ?? '',
  );
}

function kindOfSink(file: string): string {
  return /^sinks\/(postgres|s3|file|stdout)/.exec(file)?.[1] ?? '';
}

/** The sink contract is the seam that everybody may know; it lies below the archive. */
const contract = new Set(['sinks/sink.ts', 'sinks/sink-error.ts']);

function roomOf(file: string): string {
  if (contract.has(file)) return 'contract';
  const [first = '', second = '', third] = file.split('/');
  if (first !== 'src') return first;
  return third === undefined ? 'ground' : second;
}

/**
 * What a room may import besides itself. The small shared files at the top of `src/` (errors, time, logger, …) are the
 * ground; everybody stands on it.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  ground: [],
  contract: ['ground'],
  schedule: ['ground'],
  json: [],
  'cloud-api': ['ground', 'json'],
  sandbox: ['ground'],
  database: ['ground'],
  archive: ['ground', 'contract'],
  sinks: ['ground', 'contract', 'archive', 'database', 'json'],
  ledger: ['ground', 'database'],
  reader: ['ground', 'cloud-api', 'ledger', 'json'],
  delivery: ['ground', 'contract', 'archive', 'ledger'],
  config: ['ground', 'schedule', 'database', 'contract', 'sinks'],
  exporter: [
    'ground',
    'contract',
    'schedule',
    'config',
    'cloud-api',
    'database',
    'ledger',
    'reader',
    'delivery',
    'sinks',
    'archive',
  ],
  proof: [
    'ground',
    'contract',
    'archive',
    'cloud-api',
    'database',
    'ledger',
    'reader',
    'delivery',
    'sinks',
    'exporter',
    'config',
  ],
  server: ['ground', 'exporter', 'reader', 'delivery', 'ledger', 'cloud-api', 'proof'],
  cli: [
    'ground',
    'contract',
    'schedule',
    'config',
    'cloud-api',
    'sandbox',
    'database',
    'archive',
    'ledger',
    'reader',
    'delivery',
    'sinks',
    'exporter',
    'proof',
    'server',
  ],
};

const edges: readonly Import[] = sourceFiles().flatMap((file) =>
  importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => ({ from: file, to: relative(root, resolve(root, dirname(file), name)) })),
);

describe('the rooms', () => {
  it('import only what lies below them', () => {
    const wrong = edges
      .map(({ from, to }) => ({ from, to, room: roomOf(from), target: roomOf(to) }))
      .filter(({ from, room, target }) => {
        if (from === 'src/index.ts' || room === target) return false;
        return !(allowed[room] ?? []).includes(target);
      })
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(wrong).toEqual([]);
  });

  it('are all known here', () => {
    expect([...new Set(sourceFiles().map(roomOf))].filter((room) => !(room in allowed))).toEqual([]);
  });

  it('keep reader and delivery apart, and sinks from each other', () => {
    const meets = edges.filter(
      ({ from, to }) =>
        (roomOf(from) === 'reader' && roomOf(to) === 'delivery') ||
        (roomOf(from) === 'delivery' && roomOf(to) === 'reader'),
    );
    const siblings = edges.filter(({ from, to }) => {
      return kindOfSink(from) !== '' && kindOfSink(to) !== '' && kindOfSink(from) !== kindOfSink(to);
    });
    expect([...meets, ...siblings]).toEqual([]);
  });
});

describe('third-party packages', () => {
  /** Where each may be imported: a file, or a room that ends in a slash. */
  const doors: Readonly<Record<string, string>> = {
    '@aws-sdk/client-s3': 'src/archive/',
    '@aws-sdk/credential-providers': 'src/archive/',
    '@electric-sql/pglite': 'src/database/',
    '@inquirer/prompts': 'src/cli/',
    bottleneck: 'src/cloud-api/pacer.ts',
    'cli-progress': 'src/cli/progress.ts',
    'cli-table3': 'src/cli/output.ts',
    commander: 'src/cli/',
    'fastest-levenshtein': 'config/',
    'node-cron': 'src/schedule/cron.ts',
    'p-retry': 'src/cloud-api/caller.ts',
    pg: 'src/database/',
    'pg-copy-streams': 'src/database/',
    pino: 'src/stderr-logger.ts',
    'pino-pretty': 'src/stderr-logger.ts',
    'prom-client': 'src/server/metrics.ts',
    undici: 'src/cloud-api/http-transport.ts',
    yaml: 'config/',
    zod: 'config/',
  };

  it('enter through one door each', () => {
    const wrong = sourceFiles().flatMap((file) =>
      importsOf(file)
        .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
        .map((name) =>
          name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : (name.split('/')[0] ?? name),
        )
        .filter((name) => {
          const door = doors[name];
          return door === undefined || !(door.endsWith('/') ? file.startsWith(door) : file === door);
        })
        .map((name) => `${file} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('are each used, and each declared', () => {
    const text = readFileSync(join(root, 'package.json'), 'utf8');
    const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> };
    expect(Object.keys(doors).toSorted()).toEqual(Object.keys(dependencies).toSorted());
  });
});

describe('the process', () => {
  it('is ended, read and printed to only by the command line and the logger', () => {
    const programs =
      /^src\/database\/(pglite-create|pglite-worker|write-pglite-template)\.ts|^config\/write-reference\.ts/;
    const own = new RegExp(`^src/(cli/|stderr-logger\\.ts)|${programs.source}`);
    const wrong = sourceFiles().filter((file) => {
      if (own.test(file)) return false;
      const text = readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      return /\bprocess\.(exit\b|argv|stdout|stderr)|\bconsole\./.test(text);
    });
    expect(wrong).toEqual([]);
  });

  it('gives its environment to nobody else, but for what belongs to somebody else', () => {
    // Proxy variables are the platform's; PG* variables are libpq's, read where a URL leaves something out.
    const own = /^src\/(cli\/|archive\/s3-client\.ts|cloud-api\/http-transport\.ts|database\/)/;
    const wrong = sourceFiles().filter(
      (file) => !own.test(file) && /\bprocess\.env\b/.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(wrong).toEqual([]);
  });
});
