/** Disks that are full for a while: under a directory of objects, the embedded store, and PostgreSQL itself (F17). */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createRandom } from '../../../src/sandbox/random.ts';
import type { NewEntry } from '../../../src/sandbox/sandbox.ts';
import { createDatabaseOn } from '../../helpers/postgres-databases.ts';
import { startPostgresServer, type PostgresServer } from '../../helpers/postgres-server.ts';
import type { Attack, AttackContext } from '../harness/attack.ts';
import { inLanes } from '../harness/attack.ts';
import { checkWorld } from '../harness/check-world.ts';
import { withDatabase } from '../harness/held.ts';
import { createWorld, type Configuration, type EndedRun, type World } from '../harness/world.ts';
import { withDaemon } from './daemon.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';
import { holdsAll, isHeld, readStatus, sinkState, until, whileGrowing } from './watching.ts';

type Strike = (context: AttackContext, seed: number) => Promise<string[]>;

const disks: Readonly<Record<string, Strike>> = {
  'the directory of objects': strikeDirectory,
  'the embedded store': strikeEmbeddedStore,
  'the PostgreSQL server': strikeServer,
};

/** Enough for an empty database and its log, and for some minutes of a test. */
const databaseMebibytes = 256;

export const fullDiskAttack: Attack = {
  name: 'full-disks',
  title: 'no space left for a directory of objects, the embedded store, or PostgreSQL, and space again',
  run: async (context) => {
    await inLanes(context, tasksOf(context), async ({ name, strike, seed }) => {
      try {
        for (const finding of await strike(context, seed)) context.find(`${name} (seed ${seed}): ${finding}`);
        context.count(`full: ${name}`);
      } catch (error) {
        if (error instanceof NotMounted) context.count(`left out, nothing can be mounted: ${name}`);
        else context.find(`${name} (seed ${seed}): ${String(error)}`);
      }
    });
  },
};

interface Task {
  readonly name: string;
  readonly strike: Strike;
  readonly seed: number;
}

function* tasksOf({ rounds = Number.POSITIVE_INFINITY, point, random }: AttackContext): Generator<Task> {
  const chosen = Object.entries(disks).filter(([name]) => point === undefined || name.includes(point));
  for (let round = 0; round < rounds && chosen.length > 0; round += 1)
    for (const [name, strike] of chosen) yield { name, strike, seed: random.integer(2 ** 31) };
}

class NotMounted extends Error {}

async function withDisk<T>(
  { directory, mebibytes }: { readonly directory: string; readonly mebibytes: number },
  use: (disk: SmallDisk) => Promise<T>,
): Promise<T> {
  const disk = await mountSmallDisk(directory, mebibytes);
  if (disk === undefined) throw new NotMounted();
  try {
    return await use(disk);
  } finally {
    await disk.unmount();
  }
}

/** The sink says so and goes on by itself; the others do not notice. */
async function strikeDirectory(context: AttackContext, seed: number): Promise<string[]> {
  const world = await createWorld({ seed, createDatabase: context.createDatabase, entries: 60 });
  world.adapt = soonRolled;
  return await whileGrowing(world, (stopGrowing) =>
    withDisk({ directory: world.archive, mebibytes: 1 }, (disk) =>
      withDaemon(world, async (daemon) => {
        await daemon.start();
        await until('every sink holds the beginning', () => isHeld(world, 60));
        await disk.fill();
        const findings = await toldOfDisk(world);
        await disk.free();
        const head = world.sandbox.truth().length;
        await until('the sink goes on', () => isHeld(world, head), 120_000);
        stopGrowing();
        await daemon.stop();
        return [...findings, ...(await checkAtEnd(world))];
      }),
    ),
  );
}

async function toldOfDisk(world: World): Promise<string[]> {
  const sentence = await withDatabase(world.database.url, async (database) => {
    await until('the store tells disk_full of disk', async () => {
      const state = await sinkState(database, 'disk');
      return state?.code === 'disk_full' && !state.isStopped;
    });
    const head = world.sandbox.truth().length;
    const others = world.sinks.filter((name) => name !== 'disk');
    await until('the other sinks go on', () => holdsAll(database, { sinks: others, head }));
    const { exitCode, status } = await readStatus(world);
    const disk = status.organizations[0]?.sinks.find(({ name }) => name === 'disk');
    return `${exitCode} ${disk?.state}: ${disk?.sentence}`;
  });
  return /^4 Degraded: .*the disk or its quota is full\. Make room; the export goes on by itself\./.test(
    sentence,
  )
    ? []
    : [`status tells ${sentence}`];
}

/** A one-shot ends with 4 and says why; with space it goes on where it was. */
async function strikeEmbeddedStore(context: AttackContext, seed: number): Promise<string[]> {
  const world = await createWorld({
    seed,
    createDatabase: context.createDatabase,
    entries: 60,
    sinks: ['warehouse', 'bucket'],
    store: 'embedded',
  });
  const directory = join(dirname(world.archive), 'store');
  try {
    return await withDisk({ directory, mebibytes: databaseMebibytes }, async (disk) => {
      const findings = endedWell(await world.run(['run', '--once']));
      await disk.fill();
      world.sandbox.append(largeEntries(160, seed));
      const { exitCode, stderr } = await world.run(['run', '--once', '--give-up-after', '3s']);
      if (exitCode !== 4 || !/almost no space left on its disk|no space left/.test(stderr))
        findings.push(`on a full disk it ended with ${exitCode}: ${stderr.slice(-800)}`);
      await disk.free();
      return [...findings, ...(await checkAtEnd(world))];
    });
  } finally {
    await world.dispose();
  }
}

/** Without space for its log a server ends, and somebody has to start it again; the daemon waits for it. */
async function strikeServer(context: AttackContext, seed: number): Promise<string[]> {
  const home = await mkdtemp(join(tmpdir(), 'small-server-'));
  // The server may run as another user, who has to pass here.
  await chmod(home, 0o755);
  const dataDirectory = join(home, 'data');
  try {
    return await withDisk({ directory: dataDirectory, mebibytes: databaseMebibytes }, async (disk) => {
      let said = '';
      const server = await startPostgresServer({
        dataDirectory,
        settings: ['max_wal_size=32MB', 'min_wal_size=32MB'],
        onLog: (text) => (said = `${said}${text}`.slice(-1500)),
      });
      try {
        return await fillUnder(context, { server, disk, seed });
      } catch (error) {
        throw new Error(`${String(error)}; the server said: ${said}`, { cause: error });
      } finally {
        await server.stop();
      }
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function fillUnder(
  context: AttackContext,
  place: { readonly server: PostgresServer; readonly disk: SmallDisk; readonly seed: number },
): Promise<string[]> {
  const { server, disk, seed } = place;
  const world = await createWorld({ seed, createDatabase: () => createDatabaseOn(server.url), entries: 60 });
  world.adapt = soonRolled;
  try {
    return await withDaemon(world, async (daemon) => {
      await daemon.start();
      await until('every sink holds the beginning', () => isHeld(world, 60));
      await disk.fill();
      // What the server has set aside is used up, too.
      world.sandbox.append(largeEntries(800, seed));
      const head = world.sandbox.truth().length;
      const hasRoom = await isSo(() => isHeld(world, head));
      const findings = hasRoom ? ['everything found room where there was none'] : [];
      await disk.free();
      if (!(await isSo(() => isHeld(world, head)))) {
        context.count('the server ended, and was started again');
        await server.restart();
      }
      await until('the work goes on', () => isHeld(world, head), 200_000);
      await daemon.stop();
      return [...findings, ...(await checkAtEnd(world))];
    });
  } finally {
    await world.dispose();
  }
}

/** Objects are written soon, so that their sink has something to do all the time. */
function soonRolled({ sinks, ...others }: Configuration): object {
  const rolled = sinks.map((sink) => ('roll' in sink ? { ...sink, roll: { entries: 30, age: '1s' } } : sink));
  return { ...others, sinks: rolled };
}

/** 20 kB each, in text that packing only halves. */
function largeEntries(count: number, seed: number): NewEntry[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => ({ fields: { cluster_name: random.hex(20_000) } }));
}

async function isSo(question: () => Promise<boolean>): Promise<boolean> {
  try {
    await until('it is so', question, 20_000);
    return true;
  } catch {
    // That it is not so is the answer.
    return false;
  }
}

function endedWell({ exitCode, stderr }: EndedRun): string[] {
  return exitCode === 0 ? [] : [`a run ended with ${exitCode}: ${stderr.slice(-800)}`];
}

async function checkAtEnd(world: World): Promise<string[]> {
  return [...endedWell(await world.run(['run', '--once'])), ...(await checkWorld(world, { archives: true }))];
}
