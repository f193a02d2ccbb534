/** Each trouble of a destination under a running daemon: told in a sentence, the others unaffected, nothing lost (F12, F25). */
import type { Database } from '../../../src/database/database.ts';
import type { Attack, AttackContext } from '../harness/attack.ts';
import { inLanes } from '../harness/attack.ts';
import { checkWorld } from '../harness/check-world.ts';
import { withDatabase } from '../harness/held.ts';
import { createWorld, sinkNames, type World } from '../harness/world.ts';
import { withDaemon, type Daemon } from './daemon.ts';
import { sinkRole, sinkTroubles, type SinkTrouble } from './sink-troubles.ts';
import { holdsAll, readStatus, sinkState, until, whileGrowing } from './watching.ts';

export const sinkTroubleAttack: Attack = {
  name: 'sink-troubles',
  title: 'destinations that are down, flap, refuse, lose, or were altered, under a running daemon',
  run: async (context) => {
    await inLanes(context, tasksOf(context), async ({ trouble, seed }) => {
      try {
        const findings = await attackSink(context, trouble, seed);
        for (const finding of findings) context.find(`${trouble.name} (seed ${seed}): ${finding}`);
        context.count(trouble.name);
      } catch (error) {
        context.find(`${trouble.name} (seed ${seed}): ${String(error)}`);
      }
    });
  },
};

interface Task {
  readonly trouble: SinkTrouble;
  readonly seed: number;
}

function* tasksOf({ rounds = Number.POSITIVE_INFINITY, point, random }: AttackContext): Generator<Task> {
  const chosen = sinkTroubles.filter(({ name }) => point === undefined || name.includes(point));
  for (let round = 0; round < rounds && chosen.length > 0; round += 1) {
    for (const trouble of chosen) yield { trouble, seed: random.integer(2 ** 31) };
  }
}

async function attackSink(context: AttackContext, trouble: SinkTrouble, seed: number): Promise<string[]> {
  const world = await createWorld({ seed, createDatabase: context.createDatabase, entries: 60 });
  world.adapt = ({ sinks, ...others }) => ({ ...others, sinks: sinks.map((sink) => adaptSink(world, sink)) });
  return await whileGrowing(world, (stopGrowing) =>
    withDaemon(world, (daemon) =>
      withDatabase(world.database.url, async (database) => {
        await prepareRole(database);
        await daemon.start();
        await until('every sink holds the beginning', () =>
          holdsAll(database, { sinks: world.sinks, head: 60 }),
        );
        await trouble.cause(world, database);
        const findings = await whatIsTold(world, database, trouble);
        findings.push(...(await daemon.pageFindings()));
        await trouble.mend(world, database);
        if (trouble.recovery !== 'by itself') await startAgain(world, daemon, trouble);
        await until('everything is as before', () => isRecovered(world, database, trouble));
        stopGrowing();
        await daemon.stop();
        return [...findings, ...(await checkEnd(world, trouble))];
      }),
    ),
  );
}

/** Objects are written soon, and the table belongs to a role from which rights can be taken. */
function adaptSink(world: World, sink: Readonly<Record<string, unknown>>): object {
  if (sink['type'] !== 'postgres')
    return sink['type'] === 'stdout' ? sink : { ...sink, roll: { entries: 30, age: '1s' } };
  const url = new URL(world.database.url);
  url.username = sinkRole;
  return { ...sink, url: url.href };
}

/** The role is the server's, the right to create is this database's alone. */
async function prepareRole(database: Database): Promise<void> {
  const { rows } = await database.query<{ name: string }>('SELECT current_database() AS name');
  const { rowCount } = await database.query('SELECT 1 AS found FROM pg_roles WHERE rolname = $1', [sinkRole]);
  if (rowCount === 0) await database.query(`CREATE ROLE ${sinkRole} LOGIN`).catch(ignoreRace);
  await database.query(`GRANT CREATE ON DATABASE ${rows[0]?.name} TO ${sinkRole}`);
}

function ignoreRace(error: unknown): void {
  if (!(error instanceof Error && 'sqlState' in error && ['42710', '23505'].includes(String(error.sqlState))))
    throw error;
}

async function whatIsTold(world: World, database: Database, trouble: SinkTrouble): Promise<string[]> {
  const { told, sink } = trouble;
  if (told === undefined) return [];
  await until(`the store tells ${told.code} of ${sink}`, async () => {
    const state = await sinkState(database, sink);
    return state?.code === told.code && state.isStopped === told.isStopped;
  });
  const others = world.sinks.filter((name) => name !== sink);
  const head = world.sandbox.truth().length;
  await until('the other sinks go on', () => holdsAll(database, { sinks: others, head }));
  const { exitCode, status } = await readStatus(world);
  const findings: string[] = exitCode === 4 ? [] : [`status ended with ${exitCode} instead of 4`];
  for (const { name, state, sentence } of status.organizations[0]?.sinks ?? []) {
    const expected = name !== sink ? 'Running' : told.isStopped ? 'Failed' : 'Degraded';
    if (state !== expected)
      findings.push(`status calls ${name} ${state} instead of ${expected}: ${sentence}`);
    if (name === sink && !told.sentence.test(sentence)) findings.push(`status says of ${name}: ${sentence}`);
  }
  return findings;
}

async function startAgain(world: World, daemon: Daemon, { recovery, sink }: SinkTrouble): Promise<void> {
  await daemon.stop();
  if (recovery === 'after a reset of the offset') {
    const { exitCode, stderr } = await world.run(['offset', 'reset', 'acme', sink, '--yes']);
    if (exitCode !== 0) throw new Error(`offset reset ended with ${exitCode}: ${stderr}`);
  }
  await daemon.start();
}

/** What can't be mended stays told; everything else holds everything again. */
async function isRecovered(world: World, database: Database, trouble: SinkTrouble): Promise<boolean> {
  const head = world.sandbox.truth().length - 20;
  const lost = trouble.recovery === 'never' ? trouble.sink : undefined;
  const others = world.sinks.filter((name) => name !== lost);
  if (!(await holdsAll(database, { sinks: others, head }))) return false;
  return lost === undefined || (await sinkState(database, lost))?.isStopped === true;
}

async function checkEnd(world: World, { recovery, sink, told }: SinkTrouble): Promise<string[]> {
  const expected = recovery === 'never' ? 4 : 0;
  const { exitCode, stderr } = await world.run(['run', '--once', '--give-up-after', '10s']);
  const findings =
    exitCode === expected ? [] : [`the run after it ended with ${exitCode}: ${stderr.slice(-600)}`];
  if (recovery !== 'never') return [...findings, ...(await checkWorld(world, { archives: true }))];
  if (told !== undefined && !told.sentence.test(stderr)) findings.push(`it said: ${stderr.slice(-600)}`);
  const sound = { ...world, sinks: sinkNames.filter((name) => name !== sink) };
  return [
    ...findings,
    ...(await checkWorld(sound, { archives: false })).filter(
      (found) => !found.includes(`${sink}: the offset`),
    ),
  ];
}
