/**
 * PostgreSQL dies, restarts, cuts its connections or falls silent with them open, under a daemon and under backfills; the
 * store and the table are both on it (F17, F12).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from '../../../src/sandbox/random.ts';
import { startPostgresServer, type PostgresServer } from '../../helpers/postgres-server.ts';
import { createDatabaseOn } from '../../helpers/postgres-databases.ts';
import { startTcpProxy, type TcpProxy } from '../../helpers/tcp-proxy.ts';
import type { Attack, AttackContext } from '../harness/attack.ts';
import { inLanes } from '../harness/attack.ts';
import { checkWorld } from '../harness/check-world.ts';
import { withDatabase } from '../harness/held.ts';
import { createWorld, type SinkName, type World } from '../harness/world.ts';
import { withDaemon } from './daemon.ts';
import { isHeld, until, whileGrowing } from './watching.ts';

interface Place {
  readonly server: PostgresServer;
  /** Between the program and its store; the table is reached without it. */
  readonly proxy: TcpProxy;
  readonly random: Random;
}

interface Outage {
  readonly name: string;
  strike(place: Place): Promise<unknown>;
}

const outages: readonly Outage[] = [
  { name: 'the server is killed', strike: killed },
  { name: 'one of its processes is killed', strike: async ({ server }) => await killOneBackend(server) },
  { name: 'the server is restarted (immediate)', strike: ({ server }) => server.restart('immediate') },
  { name: 'the server is restarted (fast)', strike: ({ server }) => server.restart('fast') },
  { name: 'connections are reset, again and again', strike: resetOften },
  { name: 'connections fall silent, half-open', strike: silence },
];

/** A statement without an answer is given up after a minute; then the work has to start again. */
const recoveryMaxMs = 200_000;
const backfillSinks: readonly SinkName[] = ['warehouse', 'disk', 'bucket'];

export const storeOutageAttack: Attack = {
  name: 'store-outages',
  title: 'PostgreSQL killed, restarted, reset and silent, under a daemon and under backfills',
  run: async (context) => {
    await inLanes(context, tasksOf(context), async ({ scene, seed }) => {
      try {
        for (const finding of await scenes[scene](context, seed))
          context.find(`${scene} (seed ${seed}): ${finding}`);
      } catch (error) {
        context.find(`${scene} (seed ${seed}): ${String(error)}`);
      }
    });
  },
};

type Scene = 'under a daemon' | 'under a backfill' | 'until a backfill gives up';

const scenes: Readonly<Record<Scene, (context: AttackContext, seed: number) => Promise<string[]>>> = {
  'under a daemon': strikeDaemon,
  'under a backfill': strikeBackfill,
  'until a backfill gives up': outlastBackfill,
};

function* tasksOf(context: AttackContext): Generator<{ readonly scene: Scene; readonly seed: number }> {
  const { rounds = Number.POSITIVE_INFINITY, random, point } = context;
  const chosen = (Object.keys(scenes) as Scene[]).filter(
    (scene) => point === undefined || scene.includes(point),
  );
  for (let round = 0; round < rounds && chosen.length > 0; round += 1)
    for (const scene of chosen) yield { scene, seed: random.integer(2 ** 31) };
}

async function withPlace<T>(seed: number, use: (place: Place) => Promise<T>): Promise<T> {
  const server = await startPostgresServer();
  const proxy = await startTcpProxy(server.port);
  try {
    return await use({ server, proxy, random: createRandom(seed) });
  } finally {
    await proxy.close();
    await server.stop();
  }
}

async function createWorldAt(
  { server, proxy }: Place,
  options: { readonly seed: number; readonly entries: number; readonly sinks?: readonly SinkName[] },
): Promise<World> {
  const world = await createWorld({ ...options, createDatabase: () => createDatabaseOn(server.url) });
  const url = new URL(world.database.url);
  url.port = String(proxy.port);
  world.storeUrl = url.href;
  return world;
}

async function strikeDaemon(context: AttackContext, seed: number): Promise<string[]> {
  return await withPlace(seed, async (place) => {
    const world = await createWorldAt(place, { seed, entries: 60 });
    // Objects are written soon, so that every sink has something to do all the time.
    world.adapt = ({ sinks, ...others }) => ({
      ...others,
      sinks: sinks.map((sink) => ('roll' in sink ? { ...sink, roll: { entries: 30, age: '1s' } } : sink)),
    });
    return await whileGrowing(world, (stopGrowing) =>
      withDaemon(world, async (daemon) => {
        await daemon.start();
        await until('every sink holds the beginning', () => isHeld(world, 60));
        const findings: string[] = [];
        for (const outage of inAnyOrder(place.random)) {
          if (context.signal.aborted) break;
          await delay(place.random.integer(1500));
          await outage.strike(place);
          findings.push(...(await daemon.pageFindings()));
          const head = world.sandbox.truth().length;
          const took = await until(
            `the work goes on after: ${outage.name}`,
            () => isHeld(world, head),
            recoveryMaxMs,
          );
          context.count(outage.name);
          context.measure(`until every sink has what had come when it was over: ${outage.name}`, took);
        }
        stopGrowing();
        await daemon.stop();
        return [
          ...findings,
          ...(await endedWell(world, ['run', '--once'])),
          ...(await checkWorld(world, { archives: true })),
        ];
      }),
    );
  });
}

async function strikeBackfill(context: AttackContext, seed: number): Promise<string[]> {
  return await withPlace(seed, async (place) => {
    const world = await createWorldAt(place, { seed, entries: 3000, sinks: backfillSinks });
    try {
      const { child, ended } = await world.start(['backfill'], { timeoutMs: recoveryMaxMs * 2 });
      let isOver = false;
      child.once('exit', () => (isOver = true));
      for (const outage of inAnyOrder(place.random)) {
        await delay(500 + place.random.integer(1500));
        if (isOver) break;
        await outage.strike(place);
        context.count(`${outage.name}, under a backfill`);
      }
      const { exitCode, signal, stderr } = await ended;
      const findings =
        exitCode === 0 ? [] : [`the backfill ended with ${exitCode ?? signal}: ${stderr.slice(-800)}`];
      return [
        ...findings,
        ...(await endedWell(world, ['backfill'])),
        ...(await checkWorld(world, { archives: true })),
      ];
    } finally {
      await world.dispose();
    }
  });
}

/** The server stays away: the backfill says so, keeps its place, and the next one goes on from there. */
async function outlastBackfill(context: AttackContext, seed: number): Promise<string[]> {
  return await withPlace(seed, async (place) => {
    const world = await createWorldAt(place, { seed, entries: 3000, sinks: backfillSinks });
    try {
      const { ended } = await world.start(['backfill', '--give-up-after', '4s']);
      await until('it has begun', () =>
        withDatabase(world.database.url, async (database) => {
          const { rows } = await database.query<{ head: string }>(
            'SELECT next_sequence - 1 AS head FROM ccloud_audit.organizations',
          );
          return Number(rows[0]?.head ?? 0) > place.random.integer(1000);
        }),
      );
      await place.server.kill();
      const { exitCode, signal, stderr } = await ended;
      context.count('the server stays away until a backfill gives up');
      const findings =
        exitCode === 4 ? [] : [`it ended with ${exitCode ?? signal} instead of 4: ${stderr.slice(-800)}`];
      if (!/Gave up after 4 s without progress .* every position is kept/s.test(stderr))
        findings.push(`it said: ${stderr.slice(-800)}`);
      const next = await world.run(['backfill', '--give-up-after', '4s']);
      if (next.exitCode !== 4 || !/can't be reached/.test(next.stderr))
        findings.push(`without a server it ended with ${next.exitCode}: ${next.stderr.slice(-800)}`);
      await startAgain(place.server);
      return [
        ...findings,
        ...(await endedWell(world, ['backfill'])),
        ...(await checkWorld(world, { archives: true })),
      ];
    } finally {
      await world.dispose();
    }
  });
}

function inAnyOrder(random: Random): Outage[] {
  return outages
    .map((outage) => ({ outage, place: random.next() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ outage }) => outage);
}

async function endedWell(world: World, words: readonly string[]): Promise<string[]> {
  const { exitCode, stderr } = await world.run(words);
  return exitCode === 0 ? [] : [`${words.join(' ')} ended with ${exitCode}: ${stderr.slice(-800)}`];
}

async function killed({ server, random }: Place): Promise<void> {
  await server.kill();
  await delay(random.integer(4000));
  await startAgain(server);
}

/** The processes of a killed server end by themselves; until then its shared memory is in use. */
async function startAgain(server: PostgresServer): Promise<void> {
  await until('the killed server starts again', async () => {
    await server.restart();
    return true;
  });
}

/** The server ends all others as well, and recovers. */
async function killOneBackend(server: PostgresServer): Promise<void> {
  const pid = await withDatabase(server.url, async (database) => {
    const { rows } = await database.query<{ pid: string }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'ccloud-audit-export' ORDER BY random() LIMIT 1`,
    );
    return rows[0]?.pid;
  });
  if (pid !== undefined) process.kill(Number(pid), 'SIGKILL');
}

async function resetOften({ proxy, random }: Place): Promise<void> {
  for (let cut = 0; cut < 6; cut += 1) {
    proxy.cut();
    await delay(random.integer(600));
  }
}

/** Nothing arrives any more, and nobody says so; after some time a new connection would get through. */
async function silence({ proxy, random }: Place): Promise<void> {
  proxy.blackhole();
  await delay(2000 + random.integer(8000));
  proxy.restore();
}
