/**
 * One run of the real program over a source that misbehaves in ways that a seed chooses: sweeps with trouble, growth, late
 * entries and a key that is revoked and restored in between, then one in peace. Whatever happened, each sink
 * must hold what the API's own list has, once and in one order; what came later than the overlap is asked back by
 * `reconcile --repair`.
 */
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPostgres } from '../../src/database/postgres.ts';
import { canonicalForm } from '../../src/reader/canonical.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { createRandom, type Random } from '../../src/sandbox/random.ts';
import { ended, startProgram, type Ended } from '../cli/run-program.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import type { TestDatabase } from '../helpers/postgres.ts';
import { readFiles } from '../helpers/read-files.ts';
import { startStrictObjectStore } from '../helpers/strict-object-store.ts';

export interface SourceFaultsRun {
  readonly seed: number;
  readonly traps: readonly string[];
  readonly entries: number;
  readonly exitCodes: readonly (number | null)[];
  /** Sentences; none where everything is where it belongs. */
  readonly findings: readonly string[];
}

const groups = {
  history: ['nanoseconds', 'offset-timestamps', 'non-uuid-ids', 'no-id', 'no-created-at'],
  positions: [
    'inclusive',
    'exclusive-then-inclusive',
    'seconds-cursor',
    'stuck-cursor',
    'backward-cursor',
    'short-pages',
    'empty-pages',
    'limit-refused',
    'repeated-ids',
  ],
  ends: ['tail-now', 'tail-last', 'tail-absent', 'tail-echo', 'tail-future', 'tail-repeats-entries'],
  empty: ['entries-null', 'entries-missing'],
  contents: ['payload-object', 'payload-string', 'payload-drift', 'changed-entries', 'pretty-printed'],
  lateness: ['late-entries', 'very-late-entries'],
  broken: [
    'server-error=1/5',
    'unavailable=1/5',
    'status-partial=1/6',
    'status-empty=1/6',
    'html-502=1/5',
    'html-200=1/4',
    'cut-body=1/4',
    'short-body=1/4',
    'empty-body=1/4',
    'not-utf8=x1',
    'hang-headers=x1',
    'hang-body=x1',
    'drip-body=x1',
    'reset=1/4',
  ],
  // A Retry-After of a year is waited for a minute; that one has a test of its own.
  limits: [
    'rate-limit-429-seconds=x1',
    'rate-limit-429-date=x1',
    'rate-limit-503=x1',
    'rate-limit-400=x1',
    'rate-limit-no-header=1/5',
    'retry-after-zero=1/5',
  ],
  clock: ['clock-skew', 'clock-ahead', 'no-date'],
} as const;

const hourNs = 3_600_000_000_000n;
const minuteNs = 60_000_000_000n;

export async function runSourceFaults(
  seed: number,
  createDatabase: () => Promise<TestDatabase>,
): Promise<SourceFaultsRun> {
  const random = createRandom(seed);
  const history = chosen(random, groups.history, 1);
  const trouble = troubleOf(random, history);
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'source-faults-'));
  const database = await createDatabase();
  const store = await startStrictObjectStore();
  const sandbox = await startSandbox({
    entries: 150 + random.integer(350),
    historyDays: 3 + random.integer(20),
    seed,
    traps: [...history, ...trouble],
  });
  try {
    const config = join(folder, 'config.yaml');
    await writeFile(config, JSON.stringify(configuration({ sandbox, database, store, folder, random })));
    const exitCodes: (number | null)[] = [];
    const sweep = async (): Promise<void> =>
      void exitCodes.push((await run(['run', '--once', '-c', config])).exitCode);
    const meddling = meddle(sandbox, random, trouble);
    await sweep();
    meddling.stop();
    let isTooLate = false;
    if (random.integer(2) === 0) {
      isTooLate = add(sandbox, random);
      sandbox.setTraps(troubleOf(random, history));
      await sweep();
    }
    isTooLate = add(sandbox, random) || isTooLate || sandbox.truth().some(({ late }) => late === true);
    sandbox.setTraps([]);
    const peaceful = [await run(['run', '--once', '-c', config])];
    // What came later than the overlap, or was held back until the end had been seen.
    if (isTooLate) {
      peaceful.push(
        await run(['reconcile', '--from', '400d', '--repair', '-c', config]),
        await run(['run', '--once', '-c', config]),
      );
    }
    exitCodes.push(...peaceful.map(({ exitCode }) => exitCode));
    const failed = peaceful.find(({ exitCode }) => exitCode !== 0);
    const findings =
      failed === undefined
        ? await compare({ sandbox, database, store, folder })
        : [
            `in peace the program ended with ${failed.exitCode}: ${failed.stdout} ${failed.stderr.slice(-2000)}`,
          ];
    return { seed, traps: [...history, ...trouble], entries: sandbox.truth().length, exitCodes, findings };
  } finally {
    await sandbox.close();
    await store.close();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Some of everything, at random, but nothing that contradicts itself. */
function troubleOf(random: Random, history: readonly string[]): string[] {
  // Without an id nothing tells an entry that is printed otherwise from another entry.
  const contents = history.includes('no-id') ? ['pretty-printed'] : groups.contents;
  return [
    ...chosen(random, groups.positions, 3),
    ...chosen(random, groups.ends, 1),
    ...chosen(random, groups.empty, 1),
    ...chosen(random, contents, 1),
    ...chosen(random, groups.lateness, 1),
    ...chosen(random, groups.broken, 3),
    ...chosen(random, groups.limits, 1),
    ...chosen(random, groups.clock, 1),
  ];
}

function chosen(random: Random, from: readonly string[], max: number): string[] {
  const left = [...from];
  return Array.from(
    { length: random.integer(max + 1) },
    () => left.splice(random.integer(left.length), 1)[0] ?? '',
  );
}

/** While a sweep is under way: the server turns, or the key is gone for the rest of the sweep. */
function meddle(sandbox: Sandbox, random: Random, traps: readonly string[]): { stop(): void } {
  const what = random.integer(3);
  const afterPages = 1 + random.integer(4);
  const timer = setInterval(() => {
    if (sandbox.counters.pages < afterPages) return;
    clearInterval(timer);
    if (what === 0) sandbox.revokeKey();
    const isInclusive = traps.includes('inclusive');
    const others = traps.filter((trap) => trap !== 'inclusive');
    if (what === 1) sandbox.setTraps(isInclusive ? others : [...others, 'inclusive']);
  }, 5);
  return {
    stop: () => {
      clearInterval(timer);
      sandbox.restoreKey();
    },
  };
}

/** New entries, late ones within the overlap, and at times some that are far too late for it, which it tells. */
function add(sandbox: Sandbox, random: Random): boolean {
  const now = BigInt(Date.now()) * 1_000_000n;
  const late = (spread: bigint): { createdAt: bigint } => ({
    createdAt: now - (spread * BigInt(1 + random.integer(1000))) / 1000n,
  });
  sandbox.append(Array.from({ length: random.integer(20) }, () => ({})));
  sandbox.append(Array.from({ length: random.integer(5) }, () => late(10n * minuteNs)));
  const tooLate = Math.max(0, random.integer(6) - 3);
  sandbox.append(Array.from({ length: tooLate }, () => late(40n * hourNs)));
  return tooLate > 0;
}

async function run(words: readonly string[]): Promise<Ended> {
  return await ended(startProgram(words));
}

interface Places {
  readonly sandbox: Sandbox;
  readonly database: TestDatabase;
  readonly store: Awaited<ReturnType<typeof startStrictObjectStore>>;
  readonly folder: string;
}

function configuration({ sandbox, database, store, folder, random }: Places & { random: Random }): object {
  return {
    api: {
      url: sandbox.url,
      requestsPerSecond: 1000,
      requestTimeout: '1s',
      pageSize: 10 + random.integer(190),
    },
    organizations: [{ name: 'acme', apiKey: sandbox.apiKey }],
    lease: '5s',
    store: { url: database.url },
    server: 'off',
    sinks: [
      { name: 'warehouse', type: 'postgres', url: database.url },
      { name: 'disk', type: 'file', directory: join(folder, 'archive'), roll: { entries: 100 } },
      {
        name: 'bucket',
        type: 's3',
        bucket: store.settings.bucket,
        region: store.settings.region,
        endpoint: store.url,
        forcePathStyle: true,
        roll: { entries: 150 },
      },
    ],
  };
}

/** The API's own list against the table, the directory and the bucket. */
async function compare({ sandbox, database, store, folder }: Places): Promise<string[]> {
  const reader = await openPostgres({ url: database.url, applicationName: 'tests', connectTimeoutMs: 5000 });
  try {
    const { rows } = await reader.query<{ raw: string; sequence: string }>(
      'SELECT raw, sequence FROM audit.cockroach_cloud_entries ORDER BY sequence',
    );
    const changed = await reader.query<{ raw: string }>('SELECT raw FROM ccloud_audit.changed_entries');
    const table = rows.map(({ raw }) => raw);
    const disk = archivedLines(await readFiles(join(folder, 'archive')), 'acme').map(({ raw }) => raw);
    const bucket = archivedLines(store.objects(), 'acme').map(({ raw }) => raw);
    const hasGap = rows.some(({ sequence }, index) => Number(sequence) !== index + 1);
    return [
      ...(hasGap ? ['the sequences have a gap'] : []),
      ...(isSame(disk, table) ? [] : ['the directory differs from the table']),
      ...(isSame(bucket, table) ? [] : ['the bucket differs from the table']),
      ...againstTruth(
        sandbox,
        table,
        changed.rows.map(({ raw }) => raw),
      ),
    ];
  } finally {
    await reader.close();
  }
}

/** Each entry once. One that the server changed may be held in either of its contents. */
function againstTruth(sandbox: Sandbox, held: readonly string[], changed: readonly string[]): string[] {
  const changedIds = new Set(changed.map(idOf));
  const name = (raw: string): string => {
    const id = idOf(raw);
    return id !== undefined && changedIds.has(id) ? `changed ${id}` : canonicalForm(raw);
  };
  const truth = sandbox.truth().map(({ raw }) => raw.toString('utf8'));
  const counts = new Map<string, number>();
  for (const raw of truth) counts.set(name(raw), (counts.get(name(raw)) ?? 0) + 1);
  for (const raw of held) counts.set(name(raw), (counts.get(name(raw)) ?? 0) - 1);
  return [...counts].flatMap(([entry, count]) => {
    if (count === 0) return [];
    return [`${count > 0 ? 'missing' : 'doubled or altered'}: ${entry.slice(0, 200)}`];
  });
}

function idOf(raw: string): string | undefined {
  const { id } = JSON.parse(raw) as { id?: string };
  return id;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index]);
}
