/**
 * What one attack works on: a sandbox that plays the Cloud API, a database, a bucket, a directory, and a configuration
 * over them with a sink of every kind. All but the program survives when the program is killed.
 */
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../../src/sandbox/index.ts';
import type { StepName } from '../../../src/steps.ts';
import { startProgram } from '../../cli/run-program.ts';
import type { TestDatabase } from '../../helpers/postgres-databases.ts';
import { plantedDatabasePassword, plantedObjectStoreSecret } from '../../helpers/planted-secrets.ts';
import { startHttpForwarder } from '../../helpers/http-forwarder.ts';
import { startStrictObjectStore, type StrictObjectStore } from '../../helpers/strict-object-store.ts';

export const sinkNames = ['warehouse', 'disk', 'bucket', 'console'] as const;
export type SinkName = (typeof sinkNames)[number];

export interface WorldOptions {
  readonly seed: number;
  readonly createDatabase: () => Promise<TestDatabase>;
  /** Entries at the start. */
  readonly entries: number;
  readonly sinks?: readonly SinkName[];
  /** `embedded`: the store is in a directory; the table is in the database all the same. */
  readonly store?: 'server' | 'embedded';
  readonly pageSize?: number;
  /** Each with a sandbox of its own behind the one address. Default: acme. */
  readonly organizations?: readonly string[];
}

/** The n-th time that a step is reached. */
export interface EndAtStep {
  readonly step: StepName;
  readonly sink?: SinkName | undefined;
  readonly times: number;
}

export interface HowToRun {
  /** Where it ends itself. */
  readonly endAt?: EndAtStep;
  /** How far its host's clock is off. */
  readonly clockShiftMs?: number;
  /** The release after this one, with one more migration; an older program can use its store from this version on. */
  readonly nextRelease?: { readonly compatibleFrom: number };
  readonly env?: Readonly<Record<string, string>>;
  /** It is killed when it has not ended by then, which its `EndedRun` tells. Default: five minutes. */
  readonly timeoutMs?: number;
}

export interface EndedRun {
  readonly exitCode: number | null;
  /** What killed it; null where that was the deadline, which is nobody's attack. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface World {
  /** Of the first organization. */
  readonly sandbox: Sandbox;
  readonly sandboxes: ReadonlyMap<string, Sandbox>;
  readonly bucket: StrictObjectStore;
  readonly database: TestDatabase;
  /** Another database, made when it is first asked for. */
  spare(): Promise<TestDatabase>;
  readonly sinks: readonly SinkName[];
  readonly store: 'server' | 'embedded';
  readonly archive: string;
  readonly publicKey: string;
  /** What it was given to keep for itself. */
  readonly secrets: readonly string[];
  /** What every `run` has printed so far, one text for each. */
  readonly printed: string[];
  /** The store of the next runs, where it is another one than at the start. */
  storeUrl: string;
  /** The raw text's retention for the next runs. */
  retention: string;
  /** Changes the configuration of the next runs. */
  adapt: ((configuration: Configuration) => object) | undefined;
  /** Starts the program with the configuration in force. */
  start(words: readonly string[], how?: HowToRun): Promise<StartedRun>;
  /** Starts it and waits for its end. */
  run(words: readonly string[], how?: HowToRun): Promise<EndedRun>;
  dispose(): Promise<void>;
}

export interface StartedRun {
  readonly child: ChildProcess;
  readonly ended: Promise<EndedRun>;
}

/** As it is written to the file: what an attack may want to change in it. */
export interface Configuration {
  readonly store: Readonly<Record<string, unknown>>;
  readonly sinks: readonly Readonly<Record<string, unknown>>[];
  readonly [setting: string]: unknown;
}

/** On a machine with ten times the work that it has cores for, a start over an embedded store alone has taken a minute. */
const runTimeoutMs = 300_000;

export async function createWorld(options: WorldOptions): Promise<World> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'fault-world-'));
  const names = options.organizations ?? ['acme'];
  const [sandboxes, bucket, database] = await Promise.all([
    Promise.all(names.map((_, index) => startOrganization(options, index))),
    startStrictObjectStore(),
    options.createDatabase(),
  ]);
  const [sandbox] = sandboxes;
  if (sandbox === undefined) throw new TypeError('a world has an organization');
  const api = await startHttpForwarder(
    ({ headers }) => sandboxes.find(({ apiKey }) => headers.authorization === `Bearer ${apiKey}`)?.url,
  );
  const { publicKey, secret } = await writeSigningKey(folder);
  const store = options.store ?? 'server';
  let starts = 0;
  let spare: Promise<TestDatabase> | undefined;
  const world: World = {
    sandbox,
    sandboxes: new Map(sandboxes.map((one, index) => [names[index] ?? '', one])),
    bucket,
    database,
    spare: () => (spare ??= options.createDatabase()),
    sinks: options.sinks ?? sinkNames,
    store,
    archive: join(folder, 'archive'),
    publicKey,
    secrets: [
      ...sandboxes.map(({ apiKey }) => apiKey),
      plantedDatabasePassword,
      plantedObjectStoreSecret,
      secret,
    ],
    printed: [],
    storeUrl: store === 'server' ? database.url : `pglite:${join(folder, 'store')}`,
    retention: 'forever',
    adapt: undefined,
    start: async (words, how = {}) => {
      // Several programs may be about to read theirs.
      const file = join(folder, `config-${(starts += 1)}.yaml`);
      const plain = configuration(world, {
        folder,
        url: sandboxes.length === 1 ? sandbox.url : api.url,
        pageSize: options.pageSize ?? 40,
      });
      await writeFile(file, JSON.stringify(world.adapt?.(plain) ?? plain));
      return launch(world, [...words, '-c', file], how);
    },
    run: async (words, how) => await (await world.start(words, how)).ended,
    dispose: async () => {
      await api.close();
      await Promise.all(sandboxes.map((one) => one.close()));
      await bucket.close();
      await database.drop();
      await (await spare)?.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}

async function startOrganization(options: WorldOptions, index: number): Promise<Sandbox> {
  return await startSandbox({
    entries: options.entries,
    historyDays: 3,
    seed: options.seed + index,
    apiKey: `CCDB1_FaultFaultFaultFaultF_TheKeyOfOrganizationNumber${index}`,
  });
}

async function writeSigningKey(
  folder: string,
): Promise<{ readonly publicKey: string; readonly secret: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  await writeFile(join(folder, 'key.pem'), pem, { mode: 0o600 });
  const file = join(folder, 'key.pub.pem');
  await writeFile(file, publicKey.export({ type: 'spki', format: 'pem' }));
  return { publicKey: file, secret: String(pem).split('\n')[1] ?? '' };
}

function configuration(
  world: World,
  options: { readonly folder: string; readonly url: string; readonly pageSize: number },
): Configuration {
  const roll = { entries: 30 };
  const sinks = {
    warehouse: { name: 'warehouse', type: 'postgres', url: world.database.url },
    disk: { name: 'disk', type: 'file', directory: world.archive, roll },
    bucket: {
      name: 'bucket',
      type: 's3',
      bucket: world.bucket.settings.bucket,
      region: world.bucket.settings.region,
      endpoint: world.bucket.url,
      forcePathStyle: true,
      roll,
    },
    console: { name: 'console', type: 'stdout', format: 'envelope' },
  } satisfies Record<SinkName, object>;
  return {
    api: { url: options.url, requestsPerSecond: 1000, pageSize: options.pageSize },
    organizations: [...world.sandboxes].map(([name, { apiKey }]) => ({ name, apiKey })),
    schedule: { tail: '* * * * * *' },
    lease: '5s',
    store: { url: world.storeUrl, retention: world.retention },
    signing: { keyFile: join(options.folder, 'key.pem') },
    server: { host: '127.0.0.1', port: 0 },
    sinks: world.sinks.map((name) => sinks[name]),
  };
}

function launch(world: World, words: readonly string[], how: HowToRun): StartedRun {
  const { endAt, clockShiftMs, nextRelease, timeoutMs = runTimeoutMs } = how;
  const preloads = [
    ...(nextRelease === undefined ? [] : ['next-release.mjs']),
    ...(endAt === undefined ? [] : ['end-at-step.mjs']),
    ...(clockShiftMs === undefined ? [] : ['shift-clock.mjs']),
  ].map((name) => `--import=${new URL(name, import.meta.url).href}`);
  const child = startProgram(words, {
    env: {
      NODE_OPTIONS: preloads.join(' '),
      END_AT_STEP: JSON.stringify(endAt ?? {}),
      CLOCK_SHIFT_MS: String(clockShiftMs ?? 0),
      NEXT_RELEASE_COMPATIBLE_FROM: String(nextRelease?.compatibleFrom ?? 1),
      ...how.env,
    },
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  let isOverdue = false;
  const deadline = setTimeout(() => {
    isOverdue = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const ended = new Promise<EndedRun>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      clearTimeout(deadline);
      if (words[0] === 'run') world.printed.push(Buffer.concat(stdout).toString('utf8'));
      const [printed = '', told = ''] = [stdout, stderr].map((chunks) =>
        Buffer.concat(chunks).toString('utf8'),
      );
      resolve(
        isOverdue
          ? {
              exitCode,
              signal: null,
              stdout: printed,
              stderr: `(it did not end within ${timeoutMs} ms) ${told}`,
            }
          : { exitCode, signal, stdout: printed, stderr: told },
      );
    });
  });
  return { child, ended };
}
