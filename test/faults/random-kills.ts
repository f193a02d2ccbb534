/** SIGKILL at a random moment, start-up included, again and again over one store and all its sinks (F11, F12). */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../src/sandbox/random.ts';
import type { Attack, AttackContext } from './harness/attack.ts';
import { inLanes } from './harness/attack.ts';
import { checkPositions } from './harness/check-positions.ts';
import { checkWorld } from './harness/check-world.ts';
import { runOutLeases } from './harness/leases.ts';
import { createWorld, type World } from './harness/world.ts';

/** What one round is. */
const killsPerWorld = 25;

/** How long a run is thought to take at first. */
const firstSpanMs = 4000;
const spanMinMs = 1500;
const spanMaxMs = 40_000;
/** So many runs killed one after the other: it takes longer than was thought. */
const killsInARowMax = 3;
/** One in so many leases of the dead is waited for. */
const waitedForEvery = 5;

export const randomKillAttack: Attack = {
  name: 'random-kills',
  title: 'SIGKILL at random moments',
  run: async (context) => {
    await inLanes(context, tasksOf(context), async (task) => {
      try {
        await attackWorld(context, task);
      } catch (error) {
        context.find(`random kills (seed ${task.seed}): ${String(error)}`);
      }
    });
  },
};

interface Task {
  readonly seed: number;
  readonly store: 'server' | 'embedded';
}

function* tasksOf({ rounds, random }: AttackContext): Generator<Task> {
  for (let made = 0; made < (rounds ?? Number.POSITIVE_INFINITY); made += 1) {
    yield { seed: random.integer(2 ** 31), store: made % 4 === 3 ? 'embedded' : 'server' };
  }
}

async function attackWorld(context: AttackContext, { seed, store }: Task): Promise<void> {
  const world = await createWorld({
    seed,
    createDatabase: context.createDatabase,
    entries: 400,
    pageSize: 25,
    store,
  });
  const report = (findings: readonly string[]): void => {
    for (const finding of findings) context.find(`random kills, ${store} (seed ${seed}): ${finding}`);
  };
  try {
    const kills = context.killsPerWorld ?? killsPerWorld;
    const span = new Span();
    for (let kill = 0; kill < kills && !context.signal.aborted; kill += 1) {
      await killSometime(context, world, span);
      context.count(`any moment, ${store}`);
      report(await checkPositions(world));
      if (context.random.integer(waitedForEvery) > 0) await runOutLeases(world);
    }
    const { exitCode, stderr } = await world.run(['run', '--once']);
    if (exitCode !== 0) report([`the run in peace ended with ${exitCode}: ${stderr.slice(0, 600)}`]);
    report(await checkWorld(world, { archives: true }));
  } finally {
    await world.dispose();
  }
}

/** The time in which a kill may come: that of a run that is left alone, as this machine has it at the moment. */
class Span {
  #ms = firstSpanMs;
  #killsInARow = 0;

  moment(random: Random): number {
    return 100 + random.integer(Math.round(this.#ms));
  }

  ended(afterMs: number): void {
    this.#killsInARow = 0;
    this.#ms = Math.max(spanMinMs, Math.min(afterMs * 1.1, spanMaxMs));
  }

  killed(): void {
    this.#killsInARow += 1;
    if (this.#killsInARow % killsInARowMax === 0) this.#ms = Math.min(this.#ms * 1.3, spanMaxMs);
  }
}

/** A run that ends by itself was no kill: there is more to do for the next. */
async function killSometime(context: AttackContext, world: World, span: Span): Promise<void> {
  for (;;) {
    world.sandbox.append(Array.from({ length: 20 }, () => ({})));
    const started = performance.now();
    const { child, ended } = await world.start(['run', '--once']);
    const waiting = new AbortController();
    const moment = delay(span.moment(context.random), undefined, { signal: waiting.signal });
    await Promise.race([ended, moment]);
    child.kill('SIGKILL');
    const run = await ended;
    waiting.abort();
    await moment.catch(() => undefined);
    if (run.signal === 'SIGKILL') {
      span.killed();
      return;
    }
    if (run.exitCode !== 0)
      throw new Error(`the program ended with ${run.exitCode}: ${run.stderr.slice(0, 600)}`);
    span.ended(performance.now() - started);
  }
}
