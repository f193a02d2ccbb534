/** A backfill by the built program, from nothing to all entries in its sinks. */
import { mkdir, mkdtemp, rename, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ObjectStore } from './object-store.ts';
import { measure, type Command, type Ended } from './measured-process.ts';
import type { BenchPostgres } from './bench-postgres.ts';
import { removeAtEnd } from './cleanup.ts';

export const sinkNames = ['files', 'postgres', 's3', 'stdout'] as const;
export type SinkName = (typeof sinkNames)[number];
export type StoreName = 'postgres' | 'embedded';

export interface ExporterPlaces {
  readonly api: { readonly url: string; readonly apiKey: string };
  /** Undefined where neither the store nor a sink is a PostgreSQL server. */
  readonly postgres: BenchPostgres | undefined;
  readonly objectStore: ObjectStore | undefined;
}

export interface ExporterRunOptions {
  readonly store: StoreName;
  readonly sinks: readonly SinkName[];
  /** When an object of `files` is full; default: as it comes. */
  readonly roll?: Readonly<Record<string, unknown>>;
  /** Further members of the configuration. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Default: the build of this checkout. */
  readonly program?: string;
  /** Options for Node. Default: those of the image. */
  readonly nodeWords?: readonly string[];
}

/** Nobody but the loopback stand-in knows it. */
export const benchApiKey = 'CCDB1_bench_bench';
export const sinkTable = 'audit.entries';
const bucketPrefix = 'bench';
/** How the image starts the program. */
export const imageNodeWords = ['--max-semi-space-size=4'] as const;
export const imageEnv = { MALLOC_ARENA_MAX: '1' } as const;

export interface ExporterRun {
  readonly home: string;
  readonly archive: string;
  readonly stdoutFile: string;
  readonly prefix: string;
  readonly databaseUrl: string | undefined;
  command(words: readonly string[]): Command;
  /** Moves what was printed to where it is wanted. */
  keepStdout(file: string): Promise<void>;
  /** What it left is removed when the benchmark ends. */
  leave(): void;
}

let runs = 0;

/** Everything empty: a database, a folder, a prefix of its own. */
export async function prepareExporterRun(
  places: ExporterPlaces,
  options: ExporterRunOptions,
): Promise<ExporterRun> {
  runs += 1;
  const home = await mkdtemp(path.join(os.tmpdir(), 'bench-run-'));
  const prefix = `${bucketPrefix}-${process.pid}-${runs}`;
  const archive = path.join(home, 'archive');
  const databaseUrl = await places.postgres?.emptyDatabase();
  await mkdir(path.join(home, 'data'), { recursive: true, mode: 0o700 });
  const config = path.join(home, 'config.json');
  const configuration = {
    api: { url: places.api.url, requestsPerSecond: 1000 },
    organizations: [{ name: 'bench', apiKey: places.api.apiKey }],
    store: { url: options.store === 'embedded' ? `pglite:${path.join(home, 'data', 'store')}` : databaseUrl },
    sinks: options.sinks.map((name) =>
      sinkOf(name, { archive, prefix, databaseUrl, places, roll: options.roll }),
    ),
    server: 'off',
    log: { level: 'warn' },
    ...options.settings,
  };
  await writeFile(config, JSON.stringify(configuration), { mode: 0o600 });
  return {
    home,
    archive,
    prefix,
    databaseUrl,
    stdoutFile: path.join(home, 'stdout.jsonl'),
    command: (words) => ({
      program: process.execPath,
      words: [...(options.nodeWords ?? imageNodeWords), options.program ?? program, ...words, '-c', config],
      ...(options.sinks.includes('stdout') ? { stdoutTo: path.join(home, 'stdout.jsonl') } : {}),
      env: { ...imageEnv, ...places.objectStore?.credentials },
      cwd: home,
    }),
    keepStdout: (file) => rename(path.join(home, 'stdout.jsonl'), file),
    leave: () => removeAtEnd(home),
  };
}

export const program: string = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** Throws where it did not end well. */
export function runBackfill(run: ExporterRun, timeoutMs: number): Promise<Ended> {
  return runWell(run, ['backfill', '--yes', '--quiet'], timeoutMs);
}

/** Makes the store with its tables, and nothing else. */
export function makeStore(run: ExporterRun, timeoutMs: number): Promise<Ended> {
  return runWell(run, ['store', 'migrate', '--yes', '--quiet'], timeoutMs);
}

async function runWell(run: ExporterRun, words: readonly string[], timeoutMs: number): Promise<Ended> {
  const ended = await measure(run.command(words), { timeoutMs });
  if (ended.exitCode !== 0) throw new Error(`${words.join(' ')} ended with ${ended.exitCode}: ${ended.said}`);
  return ended;
}

function sinkOf(
  name: SinkName,
  place: {
    readonly archive: string;
    readonly prefix: string;
    readonly databaseUrl: string | undefined;
    readonly places: ExporterPlaces;
    readonly roll: ExporterRunOptions['roll'];
  },
): object {
  switch (name) {
    case 'files':
      return { name, type: 'file', directory: place.archive, ...(place.roll && { roll: place.roll }) };
    case 'postgres':
      return { name, type: 'postgres', url: place.databaseUrl, table: sinkTable };
    case 's3':
      return {
        name,
        type: 's3',
        bucket: place.places.objectStore?.bucket,
        endpoint: place.places.objectStore?.url,
        region: 'us-east-1',
        forcePathStyle: true,
        prefix: place.prefix,
      };
    case 'stdout':
      return { name, type: 'stdout' };
    default:
      return name satisfies never;
  }
}
