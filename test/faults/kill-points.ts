/** SIGKILL at every named step, in every sink that the step has (F11, F12, F41). */
import { steps, type StepName } from '../../src/steps.ts';
import type { Attack, AttackContext } from './harness/attack.ts';
import { inLanes } from './harness/attack.ts';
import { checkPositions } from './harness/check-positions.ts';
import { checkWorld } from './harness/check-world.ts';
import { runOutLeases } from './harness/leases.ts';
import { createWorld, type EndedRun, type SinkName, type World } from './harness/world.ts';
import { places, type Scenario } from './kill-scenarios.ts';

interface KillPoint {
  readonly step: StepName;
  readonly sink: SinkName | undefined;
  readonly scenario: Scenario;
  readonly timesMax: number;
}

/** One task: a fresh world, and as many kills in it as its scenario allows. */
interface Task {
  readonly point: KillPoint;
  readonly kills: number;
  readonly seed: number;
  readonly isVerified: boolean;
}

/** Contents are compared in every world; the program's own verification of its archives is dearer. */
const verifiedEvery = 6;
/** One in so many leases of the dead is waited for. */
const waitedForEvery = 5;

export const killPoints: readonly KillPoint[] = stepNames().flatMap((step) =>
  places[step].flatMap(({ scenario, sinks, timesMax = 1 }) =>
    (sinks ?? [undefined]).map((sink) => ({ step, sink, scenario, timesMax })),
  ),
);

export const killPointAttack: Attack = {
  name: 'kill-points',
  title: 'SIGKILL at each named step, in each sink',
  run: async (context) => {
    const left = sharesOf(context);
    const yields = new Map<KillPoint, number>();
    // What a world did not get to is asked of another one.
    while (left.size > 0 && !context.signal.aborted) {
      await inLanes(context, tasksOf(context, { left, yields }), async (task) => {
        try {
          const kills = await attackPoint(context, task, () => done(left, task.point));
          if (kills < task.kills) yields.set(task.point, Math.max(1, kills));
        } catch (error) {
          context.find(`${nameOf(task.point)} (seed ${task.seed}): ${String(error)}`);
          left.delete(task.point);
        }
      });
    }
  },
};

export function nameOf({ step, sink }: Pick<KillPoint, 'step' | 'sink'>): string {
  return sink === undefined ? step : `${step} ${sink}`;
}

/** How many kills each point is to have: those of a step in a sink are shared out among its scenarios. */
function sharesOf({
  rounds = Number.POSITIVE_INFINITY,
  point: wanted,
}: AttackContext): Map<KillPoint, number> {
  const chosen = killPoints.filter((point) => [undefined, point.step, nameOf(point)].includes(wanted));
  const points = new Map<string, number>();
  for (const point of chosen) points.set(nameOf(point), (points.get(nameOf(point)) ?? 0) + 1);
  return new Map(chosen.map((point) => [point, Math.ceil(rounds / (points.get(nameOf(point)) ?? 1))]));
}

function done(left: Map<KillPoint, number>, point: KillPoint): void {
  const kills = (left.get(point) ?? 1) - 1;
  if (kills === 0) left.delete(point);
  else left.set(point, kills);
}

/**
 * Every point in turn, a few kills in a world, as long as one has some left that nobody is at: as many as there were in
 * the last world in which the step did not come again.
 */
function* tasksOf(
  context: AttackContext,
  known: { readonly left: ReadonlyMap<KillPoint, number>; readonly yields: ReadonlyMap<KillPoint, number> },
): Generator<Task> {
  const planned = new Map(known.left);
  for (let made = 0; planned.size > 0;) {
    for (const [point, kills] of planned) {
      const here = Math.min(kills, known.yields.get(point) ?? point.scenario.killsPerWorld);
      if (kills === here) planned.delete(point);
      else planned.set(point, kills - here);
      const isVerified = made % verifiedEvery === 0;
      made += 1;
      yield { point, kills: here, seed: context.random.integer(2 ** 31), isVerified };
    }
  }
}

async function attackPoint(
  context: AttackContext,
  { point, kills, seed, isVerified }: Task,
  onKill: () => void,
): Promise<number> {
  const { scenario } = point;
  const world = await createWorld({
    seed,
    createDatabase: context.createDatabase,
    entries: 70,
    ...scenario.world,
  });
  try {
    let last: EndedRun | undefined;
    let made = 0;
    for (let round = 0; round < kills; round += 1) {
      await scenario.prepare(world, round);
      const times = 1 + context.random.integer(point.timesMax);
      last = await killAt(context, world, { point, round, times });
      const wasKilled = last.signal === 'SIGKILL';
      if (wasKilled) {
        made += 1;
        onKill();
      }
      report(context, { point, seed }, await checkPositions(world));
      if (!wasKilled) break;
      if (context.random.integer(waitedForEvery) > 0) await runOutLeases(world);
    }
    await scenario.recover?.(world);
    // Where the step did not come again, that was the run which goes on from the wreck.
    if (last?.signal === 'SIGKILL' || scenario.recover !== undefined)
      last = await world.run(['run', '--once']);
    if (last !== undefined && last.exitCode !== 0 && last.exitCode !== 7) {
      const how = `${last.exitCode}: ${last.stderr.slice(0, 600)}`;
      report(context, { point, seed }, [`the run after it ended with ${how}`]);
    }
    report(context, { point, seed }, await checkWorld(world, { archives: isVerified }));
    return made;
  } finally {
    await world.dispose();
  }
}

/** The n-th time of a step may not come; then its first does, but where it is reached once. */
async function killAt(
  context: AttackContext,
  world: World,
  aim: { readonly point: KillPoint; readonly round: number; readonly times: number },
): Promise<EndedRun> {
  const { point, round, times } = aim;
  const run = await point.scenario.attack(world, { step: point.step, sink: point.sink, times });
  if (run.signal === 'SIGKILL') {
    context.count(nameOf(point));
    return run;
  }
  const isOnce = point.scenario.isReachedOnce === true;
  if (isOnce && (round > 0 || times > 1)) return run;
  if (times === 1) {
    const how = `${run.exitCode ?? run.signal}: ${run.stderr.slice(0, 600)}`;
    throw new Error(`the step was not reached; the program ended with ${how}`);
  }
  await point.scenario.prepare(world, round + 1);
  return await killAt(context, world, { ...aim, times: 1 });
}

function report(
  context: AttackContext,
  { point, seed }: { readonly point: KillPoint; readonly seed: number },
  findings: readonly string[],
): void {
  for (const finding of findings) context.find(`${nameOf(point)} (seed ${seed}): ${finding}`);
}

function stepNames(): StepName[] {
  // The table's keys are the names.
  return Object.keys(steps) as StepName[];
}
