/** Asks the questions that were chosen, and keeps each answer as soon as there is one. */
import { startBenchPostgres, postgresSettings, type BenchPostgres } from './bench-postgres.ts';
import { askBoundary } from './boundary-question.ts';
import { exporterSubjects } from './exporter-subjects.ts';
import { measureFreshness } from './freshness.ts';
import { measureIdle } from './idle.ts';
import { limitSubjects } from './limit-subjects.ts';
import { describeMachine } from './machine.ts';
import { startObjectStore, type ObjectStore } from './object-store.ts';
import { isAskedFor, type BenchOptions } from './options.ts';
import { measureParallelBackfill, usual } from './parallel-backfill.ts';
import { peerSubjects, type InstalledPeer } from './peer-subjects.ts';
import { isAbsent } from './peers/peer.ts';
import { peers } from './peers/peer-list.ts';
import { readResults, writeResult, type PeerRow, type Results } from './results.ts';
import { makeSampleFiles, type SampleFiles } from './sample-files.ts';
import { startStandIn } from './stand-in-process.ts';
import { measureStartup } from './startup.ts';
import type { Subject } from './subject.ts';
import { measureThroughput } from './throughput.ts';
import { measureVerify } from './verify.ts';

/** An archive has an object for every day, which is most of the work when there are few entries. */
const quickDays = '10';
const runMs = 600_000;

interface Asking {
  readonly options: BenchOptions;
  readonly folder: string;
  readonly postgres: BenchPostgres;
  readonly objectStore: ObjectStore;
  readonly installed: readonly InstalledPeer[];
  readonly known: Results;
  readonly isTimeUp: () => boolean;
}

export async function measureQuestions(options: BenchOptions, folder: string): Promise<void> {
  const known = await readResults(folder);
  const postgres = await startBenchPostgres();
  const objectStore = await startObjectStore();
  try {
    const installed = await installPeers(options, folder);
    const machine = describeMachine({
      postgres: postgres.version,
      postgresSettings: `fsync on, ${postgresSettings.join(', ')}`,
      objectStore: objectStore.name,
    });
    await writeResult(folder, 'machine', machine);
    const isTimeUp = timeLimit(options.minutes);
    const asking: Asking = { options, folder, postgres, objectStore, installed, known, isTimeUp };
    await askSmall(asking);
    const rows = new Map((known.throughput ?? []).map((row) => [`${row.subject} ${row.entries}`, row]));
    await askThroughput(asking, { entries: options.entries, runs: options.runs, rows });
    if (isAskedFor(options, 'parallel') && !isTimeUp()) await askParallel(asking);
    if (isAskedFor(options, 'boundary')) {
      await askBoundary({
        postgres,
        installed,
        isTimeUp,
        isQuick: options.quick,
        known: (options.again ? undefined : known.boundary) ?? [],
        onStart: say,
        onRows: (found) => writeResult(folder, 'boundary', found),
      });
    }
    // Last, because it takes longest and is run once.
    if (options.large > 0) await askThroughput(asking, { entries: options.large, runs: 1, rows });
    if (isTimeUp()) say('The time is up. Running it again goes on from here.');
  } finally {
    await objectStore.stop();
    await postgres.stop();
  }
}

function timeLimit(minutes: number | undefined): () => boolean {
  const started = performance.now();
  return () => minutes !== undefined && performance.now() - started > minutes * 60_000;
}

async function installPeers(options: BenchOptions, folder: string): Promise<InstalledPeer[]> {
  const arePeersWanted =
    options.only.length === 0 ||
    options.only.some(
      (name) =>
        ['peers', 'boundary', 'throughput'].includes(name) ||
        peers.some((peer) => name.startsWith(peer.name)),
    );
  if (!options.peers || !arePeersWanted) return [];
  const found: InstalledPeer[] = [];
  const rows: PeerRow[] = [];
  for (const peer of peers) {
    say(`installing ${peer.title}`);
    const installed = await peer.install();
    const { name, title, form, missing } = peer;
    if (isAbsent(installed))
      rows.push({ name, title, form, missing, versions: '', absent: installed.absent });
    else {
      rows.push({ name, title, form, missing, versions: installed.versions });
      found.push({ peer, installed });
    }
  }
  await writeResult(folder, 'peers', rows);
  return found;
}

async function askSmall({ options, folder, postgres, known }: Asking): Promise<void> {
  const isOpen = (question: 'startup' | 'idle' | 'freshness' | 'verify'): boolean =>
    isAskedFor(options, question) && (options.again || known[question] === undefined);
  if (isOpen('startup')) {
    say('start-up');
    await writeResult(folder, 'startup', await measureStartup(options.quick ? 3 : 15));
  }
  if (isOpen('idle')) {
    say('an idle sweep');
    await writeResult(folder, 'idle', await measureIdle(postgres));
  }
  if (isOpen('freshness')) {
    say('from visible to delivered');
    await writeResult(
      folder,
      'freshness',
      await measureFreshness(postgres, { entries: options.quick ? 5 : 60 }),
    );
  }
  if (isOpen('verify')) {
    say('verifying an archive');
    await writeResult(folder, 'verify', await measureVerify(postgres, options));
  }
}

async function askThroughput(
  { options, folder, postgres, objectStore, installed, known, isTimeUp }: Asking,
  size: {
    readonly entries: number;
    readonly runs: number;
    readonly rows: Map<string, NonNullable<Results['throughput']>[number]>;
  },
): Promise<void> {
  const isLarge = size.entries === options.large;
  const subjects = chosen(options, isLarge, installed);
  if (subjects.length === 0 || isTimeUp()) return;
  const standIn = await startStandIn({
    entries: size.entries,
    words: options.quick ? ['--days', quickDays] : [],
  });
  let samples: Promise<SampleFiles> | undefined;
  const makeSamples = (): Promise<SampleFiles> => {
    samples ??= makeSampleFiles(standIn, postgres);
    return samples;
  };
  try {
    await measureThroughput({
      stage: { standIn, postgres, objectStore, samples: makeSamples, timeoutMs: runMs },
      subjects,
      runs: size.runs,
      known: (options.again ? undefined : known.throughput) ?? [],
      isTimeUp,
      onStart: say,
      onRow: async (row) => {
        size.rows.set(`${row.subject} ${row.entries}`, row);
        say(row.failure ?? `  ${row.seconds.at(-1)} s, ${row.peakMegabytes.at(-1)} MB`);
        await writeResult(folder, 'throughput', [...size.rows.values()]);
      },
    });
  } finally {
    standIn.stop();
    await (await samples)?.remove();
  }
}

/** Peers and COPY are measured at the smaller size alone. */
function chosen(options: BenchOptions, isLarge: boolean, installed: readonly InstalledPeer[]): Subject[] {
  const { only } = options;
  const groups = { exporter: 'exporter', limit: 'limits', peer: 'peers' } as const;
  const all = isLarge
    ? [...exporterSubjects, ...limitSubjects.filter(({ name }) => name === 'download')]
    : [...exporterSubjects, ...limitSubjects, ...peerSubjects(installed)];
  return all.filter(
    ({ name, group }) =>
      only.length === 0 || only.some((word) => [name, groups[group], 'throughput'].includes(word)),
  );
}

async function askParallel({ options, folder, known }: Asking): Promise<void> {
  if (known.parallel !== undefined && !options.again) return;
  const size = options.quick ? { entries: 2000, pageSize: 100, latenciesMs: [50], runs: 1 } : { runs: 1 };
  const rows: NonNullable<Results['parallel']>[number][] = [];
  say('backfills in parts');
  await measureParallelBackfill({ ...usual, ...size }, (result) => {
    rows.push(result);
    say(`  ${result.shape} at ${result.latencyMs} ms: ${result.ratio.toFixed(2)} of the ideal`);
  });
  await writeResult(folder, 'parallel', rows);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
