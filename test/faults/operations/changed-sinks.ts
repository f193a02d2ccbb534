/** Sinks come into the configuration, go from it, or get another name, while the log grows and processes die. */
import { join, dirname } from 'node:path';
import type { Random } from '../../../src/sandbox/random.ts';
import { archivedLines } from '../../helpers/archive-read-back.ts';
import { readFiles } from '../../helpers/read-files.ts';
import type { AttackContext } from '../harness/attack.ts';
import { checkWorld } from '../harness/check-world.ts';
import { withDatabase } from '../harness/held.ts';
import { createWorld, type Configuration, type SinkName, type World } from '../harness/world.ts';
import { withDaemon, type Daemon } from '../outages/daemon.ts';
import { holdsAll, readStatus, sinkState, until, whileGrowing } from '../outages/watching.ts';
import { endEitherWay, endsAs, soonRolled, type Operation } from './operation.ts';

type Sinks = Configuration['sinks'];

/** A world with a daemon that runs with the sinks of the moment. */
interface Scene {
  readonly world: World;
  readonly random: Random;
  /** Ends the daemon in one way or another, and starts it with these sinks. */
  restartWith(change: (sinks: Sinks) => Sinks): Promise<void>;
  /** Until these sinks have all that has come by now. */
  caughtUp(sinks: readonly string[]): Promise<void>;
  readonly stop: () => Promise<void>;
}

export const removedSink: Operation = {
  name: 'a sink removed from the configuration, and put back',
  run: (context, { seed, random }) =>
    withScene(context, { seed, random }, async (scene) => {
      const { world } = scene;
      const findings: string[] = [];
      await scene.restartWith(all);
      await scene.caughtUp(world.sinks);
      for (const sink of inAnyOrder(world.sinks, random).slice(0, 2)) {
        await scene.restartWith((sinks) => sinks.filter(({ name }) => name !== sink));
        await scene.caughtUp(world.sinks.filter((name) => name !== sink));
        context.count(`removed: ${sink}`);
        await prune(scene, (sinks) => sinks.filter(({ name }) => name !== sink));
        await scene.caughtUp(world.sinks.filter((name) => name !== sink));
        findings.push(...(await removedFindings(world, sink)));
        await scene.restartWith(all);
        await scene.caughtUp(world.sinks);
      }
      await scene.stop();
      return [...findings, ...(await checkEnd(world))];
    }),
};

export const renamedSink: Operation = {
  name: 'a sink renamed on its destination',
  run: (context, { seed, random }) =>
    withScene(context, { seed, random }, async (scene) => {
      const { world } = scene;
      const findings: string[] = [];
      await scene.restartWith(all);
      await scene.caughtUp(world.sinks);
      for (const sink of inAnyOrder(['disk', 'bucket'], random)) {
        await scene.restartWith((sinks) => renamed(sinks, sink, `${sink}-renamed`));
        await untilStopped(world, `${sink}-renamed`);
        context.count(`renamed: ${sink}`);
        findings.push(...(await renamedFindings(world, `${sink}-renamed`)));
      }
      // A table absorbs what it holds, under whatever name it is fed.
      await scene.restartWith((sinks) => renamed(sinks, 'warehouse', 'lake'));
      await scene.caughtUp(['lake', 'disk', 'bucket', 'console']);
      context.count('renamed: warehouse');
      await scene.restartWith(all);
      await scene.caughtUp(world.sinks);
      await scene.stop();
      return [...findings, ...(await checkEnd(world))];
    }),
};

export const addedSink: Operation = {
  name: 'sinks added, from the beginning and from now on',
  run: (context, { seed, random }) =>
    withScene(context, { seed, random }, async (scene) => {
      const { world } = scene;
      const [first, ...others] = inAnyOrder(world.sinks, random);
      if (first === undefined) throw new TypeError('a world has sinks');
      await scene.restartWith((sinks) => sinks.filter(({ name }) => name === first));
      await scene.caughtUp([first]);
      const folder = join(dirname(world.archive), 'recent');
      const recent = {
        name: 'recent',
        type: 'file',
        directory: folder,
        from: 'now',
        roll: { entries: 30, age: '1s' },
      };
      await scene.restartWith((sinks) => [...sinks, recent]);
      context.count(`added beside ${first}: ${others.join(', ')} and one from now on`);
      await until(
        'the sink from now on is known',
        async () => (await stateOf(world, 'recent')) !== undefined,
      );
      const head = world.sandbox.truth().length;
      await scene.restartWith((sinks) => [...sinks, recent]);
      await scene.caughtUp([...world.sinks, 'recent']);
      await scene.stop();
      const findings = await endsAs(world, ['run', '--once'], { exitCode: 0 });
      const held = archivedLines(await readFiles(folder), 'acme').map(({ raw }) => raw);
      const truth = world.sandbox.truth().map(({ raw }) => raw.toString('utf8'));
      const expected = truth.slice(truth.length - held.length);
      if (
        JSON.stringify(held) !== JSON.stringify(expected) ||
        held.length < truth.length - head ||
        held.length > truth.length - 60
      )
        findings.push(
          `the sink from now on holds ${held.length} of ${truth.length}, with ${head} before it was known`,
        );
      return [...findings, ...(await checkEnd(world))];
    }),
};

export const retiredSink: Operation = {
  name: 'a sink retired, its backlog pruned, and taken up again',
  run: (context, { seed, random }) =>
    withScene(context, { seed, random }, async (scene) => {
      const { world } = scene;
      const findings: string[] = [];
      await scene.restartWith(all);
      await scene.caughtUp(world.sinks);
      for (const sink of inAnyOrder(['warehouse', 'disk'], random)) {
        await scene.restartWith((sinks) => sinks.filter(({ name }) => name !== sink));
        findings.push(
          ...(await endsAs(world, ['sink', 'retire', sink, '--yes'], {
            exitCode: 0,
            says: /is retired for acme/,
          })),
        );
        context.count(`retired: ${sink}`);
        await scene.caughtUp(world.sinks.filter((name) => name !== sink));
        await prune(scene, (sinks) => sinks.filter(({ name }) => name !== sink));
        await scene.restartWith(all);
        await scene.caughtUp(world.sinks);
      }
      await scene.stop();
      return [...findings, ...(await checkEnd(world))];
    }),
};

export const changedSinks: readonly Operation[] = [removedSink, renamedSink, addedSink, retiredSink];

async function withScene(
  context: AttackContext,
  { seed, random }: { readonly seed: number; readonly random: Random },
  play: (scene: Scene) => Promise<string[]>,
): Promise<string[]> {
  const world = await createWorld({ seed, createDatabase: context.createDatabase, entries: 60 });
  return await whileGrowing(world, (stopGrowing) =>
    withDaemon(world, async (daemon) => await play(createScene(world, { daemon, random, stopGrowing }))),
  );
}

function createScene(
  world: World,
  {
    daemon,
    random,
    stopGrowing,
  }: { readonly daemon: Daemon; readonly random: Random; readonly stopGrowing: () => void },
): Scene {
  return {
    world,
    random,
    restartWith: async (change) => {
      await endEitherWay(daemon, random);
      world.adapt = (plain) => {
        const { sinks, ...others } = soonRolled(plain);
        return { ...others, sinks: change(sinks) };
      };
      await daemon.start();
    },
    caughtUp: async (sinks) => {
      const head = world.sandbox.truth().length;
      await until(`${sinks.join(', ')} have what has come`, () =>
        withDatabase(world.storeUrl, (database) => holdsAll(database, { sinks, head })),
      );
    },
    stop: async () => {
      stopGrowing();
      await daemon.stop();
    },
  };
}

function all(sinks: Sinks): Sinks {
  return sinks;
}

function renamed(sinks: Sinks, from: string, to: string): Sinks {
  return sinks.map((sink) => (sink['name'] === from ? { ...sink, name: to } : sink));
}

function inAnyOrder<T extends SinkName>(names: readonly T[], random: Random): T[] {
  return names
    .map((name) => ({ name, place: random.next() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ name }) => name);
}

async function stateOf(world: World, sink: string): ReturnType<typeof sinkState> {
  return await withDatabase(world.storeUrl, (database) => sinkState(database, sink));
}

async function untilStopped(world: World, sink: string): Promise<void> {
  await until(`${sink} is refused`, async () => (await stateOf(world, sink))?.isStopped === true);
}

/** Raw text has grown old, and a daemon with these sinks deletes what it may. */
async function prune(scene: Scene, change: (sinks: Sinks) => Sinks): Promise<void> {
  const { world } = scene;
  const before = await countPruned(world);
  await withDatabase(world.storeUrl, (database) =>
    database.query(`UPDATE ccloud_audit.segments SET appended_at = appended_at - interval '3 days'`),
  );
  world.retention = '1d';
  await scene.restartWith(change);
  await until('old text is pruned', async () => (await countPruned(world)) > before);
  world.retention = 'forever';
}

async function countPruned(world: World): Promise<number> {
  return await withDatabase(world.storeUrl, async (database) => {
    const { rows } = await database.query<{ pruned: string }>(
      `SELECT count(*) AS pruned FROM ccloud_audit.journal_entries WHERE what = 'pruned'`,
    );
    return Number(rows[0]?.pruned);
  });
}

/** A sink that is gone from the configuration keeps its place, and the text that it still lacks. */
async function removedFindings(world: World, sink: SinkName): Promise<string[]> {
  const findings = await withDatabase(world.storeUrl, async (database) => {
    const { rows } = await database.query<{ lacking: string; backlog: string; retired: boolean }>(
      `SELECT count(*) AS backlog, count(*) FILTER (WHERE NOT EXISTS (
          SELECT 1 FROM ccloud_audit.segments s
          WHERE s.organization = r.organization AND r.sequence BETWEEN s.first_sequence AND s.last_sequence)) AS lacking,
          coalesce(bool_or(d.retired_at IS NOT NULL), false) AS retired
        FROM ccloud_audit.ledger_rows r JOIN ccloud_audit.deliveries d ON d.organization = r.organization
        WHERE d.sink = $1 AND r.sequence > d.acknowledged`,
      [sink],
    );
    const [row] = rows;
    return Number(row?.backlog) > 0 && Number(row?.lacking) === 0 && row?.retired === false
      ? []
      : [`without ${sink} in the configuration its backlog is ${JSON.stringify(row)}`];
  });
  const { status } = await readStatus(world);
  const told = status.organizations[0]?.sinks.find(({ name }) => name === sink);
  if (told?.isConfigured !== false || !/sink retire/.test(told.sentence))
    findings.push(`status says of ${sink}: ${told?.state} ${told?.sentence}`);
  return findings;
}

/** The objects are another sink's, and it is said what to do. */
async function renamedFindings(world: World, sink: string): Promise<string[]> {
  const { exitCode, status } = await readStatus(world);
  const told = status.organizations[0]?.sinks.find(({ name }) => name === sink);
  const isTold = /which the store does not know under the name of this sink/.test(told?.sentence ?? '');
  return exitCode === 4 && told?.state === 'Failed' && isTold
    ? []
    : [`status ended with ${exitCode} and says of ${sink}: ${told?.state} ${told?.sentence}`];
}

async function checkEnd(world: World): Promise<string[]> {
  world.adapt = soonRolled;
  return [
    ...(await endsAs(world, ['run', '--once'], { exitCode: 0 })),
    ...(await checkWorld(world, { archives: true, hasSeveralPrinters: true })),
  ];
}
