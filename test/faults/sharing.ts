/**
 * Three daemons share four organizations and four sinks while their log grows, and one after the other is killed,
 * stopped beyond its lease and woken, or replaced. Each has a clock of its own, minutes off (F40, F41, F42).
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../src/database/database.ts';
import type { Attack, AttackContext } from './harness/attack.ts';
import { inLanes } from './harness/attack.ts';
import { checkPositions } from './harness/check-positions.ts';
import { checkWorld } from './harness/check-world.ts';
import { withDatabase } from './harness/held.ts';
import { heldLeases } from './harness/leases.ts';
import { createWorld, type StartedRun, type World } from './harness/world.ts';

const leaseMs = 5000;
/** A process that is stopped inside a transaction keeps its row locked until the server ends its session (postgres.ts). */
const lockedMs = 10_000;
/** A free lease is looked for every second; the rest is for a machine that has more to do. */
const takeOverMaxMs = Math.max(leaseMs, lockedMs) + 10_000;
/** One that is stopped while it sends a COPY keeps it until another process ends its session (abandoned-copies.ts). */
const besideCopyMaxMs = 60_000 + 30_000 + 10_000;
/** As the configuration promises by default (`shutdownTimeout`), and as much for a machine that has more to do. */
const stopMaxMs = 25_000 + 10_000;
const startMaxMs = 120_000;
const troublesPerWorld = 6;
const roundTimeoutMs = 600_000;
const organizations = ['acme', 'bolt', 'crane', 'delta'];

export const sharingAttack: Attack = {
  name: 'sharing',
  title:
    'three processes share four organizations and four sinks; killed, stopped and woken, replaced, clocks apart',
  run: async (context) => {
    await inLanes(context, tasksOf(context), async (seed) => {
      try {
        await attackWorld(context, seed);
      } catch (error) {
        context.find(`sharing (seed ${seed}): ${String(error)}`);
      }
    });
  },
};

function* tasksOf({ rounds, random }: AttackContext): Generator<number> {
  for (let made = 0; made < (rounds ?? Number.POSITIVE_INFINITY); made += 1) yield random.integer(2 ** 31);
}

async function attackWorld(context: AttackContext, seed: number): Promise<void> {
  const world = await createWorld({
    seed,
    createDatabase: context.createDatabase,
    entries: 60,
    organizations,
  });
  const report = (findings: readonly string[]): void => {
    for (const finding of findings) context.find(`sharing (seed ${seed}): ${finding}`);
  };
  const processes = new Set<StartedRun>();
  const growing = setInterval(() => {
    for (const sandbox of world.sandboxes.values()) sandbox.append([{}, {}]);
  }, 400);
  try {
    // One makes the store; the others find it.
    report(await endedBadly(world, ['run', '--once']));
    for (let started = 0; started < 3; started += 1) processes.add(await startShifted(context, world));
    await allHeld(world);
    for (let trouble = 0; trouble < troublesPerWorld && !context.signal.aborted; trouble += 1) {
      report(await troubleOne(context, world, processes));
      report(await checkPositions(world, { isAlive: true }));
    }
    clearInterval(growing);
    report((await Promise.all([...processes].map((one) => stopped(context, one)))).flat());
    report(await endedBadly(world, ['run', '--once']));
    report(await checkWorld(world, { archives: true, hasSeveralPrinters: true }));
  } finally {
    clearInterval(growing);
    for (const { child } of processes) child.kill('SIGKILL');
    await Promise.all([...processes].map(({ ended }) => ended));
    await world.dispose();
  }
}

async function endedBadly(world: World, words: readonly string[]): Promise<string[]> {
  const { exitCode, stderr } = await world.run(words);
  return exitCode === 0 ? [] : [`${words.join(' ')} ended with ${exitCode}: ${stderr.slice(-600)}`];
}

/**
 * Resolves when it works: before it has got to listening for SIGTERM, that signal ends it as any program, with nothing begun. Being
 * killed on the way to there is what random kills are about.
 */
async function startShifted(context: AttackContext, world: World): Promise<StartedRun> {
  const clockShiftMs = (context.random.integer(11) - 5) * 60_000;
  const run = await world.start(['run'], { clockShiftMs, timeoutMs: roundTimeoutMs });
  let told = '';
  const started = new Promise<void>((resolve) => {
    run.child.stderr?.on('data', (chunk: Buffer) => {
      told = told.includes(startedWords) ? startedWords : `${told}${chunk.toString('utf8')}`;
      if (told.includes(startedWords)) resolve();
    });
  });
  const patience = new AbortController();
  const tooLong = delay(startMaxMs, 'too long', { signal: patience.signal }).catch(() => 'in time');
  const outcome = await Promise.race([started, run.ended, tooLong]);
  patience.abort();
  if (outcome === undefined) return run;
  run.child.kill('SIGKILL');
  const { exitCode, stderr } = await run.ended;
  throw new Error(`a daemon did not start (${exitCode}): ${stderr.slice(-600)}`);
}
const startedWords = 'exporter started';

/** Tells a daemon to stop; a finding where it does not end well, or not in the time that is promised. */
async function stopped(context: AttackContext, { child, ended }: StartedRun): Promise<string[]> {
  const asked = performance.now();
  child.kill('SIGTERM');
  const { exitCode, signal, stderr } = await ended;
  const tookMs = performance.now() - asked;
  context.measure('end of a daemon that is told to stop', tookMs);
  return [
    ...(exitCode === 0
      ? []
      : [`a daemon that was told to stop ended with ${exitCode ?? signal}: ${stderr.slice(-600)}`]),
    ...(tookMs <= stopMaxMs
      ? []
      : [`a daemon that was told to stop took ${Math.round(tookMs)} ms: ${stderr.slice(-600)}`]),
  ];
}

async function troubleOne(
  context: AttackContext,
  world: World,
  processes: Set<StartedRun>,
): Promise<string[]> {
  const victim = context.random.pick([...processes]);
  switch (context.random.integer(3)) {
    case 0:
      processes.delete(victim);
      victim.child.kill('SIGKILL');
      await takenOver(context, world, victim);
      context.count('killed');
      processes.add(await startShifted(context, world));
      return [];
    case 1:
      victim.child.kill('SIGSTOP');
      await takenOver(context, world, victim);
      await delay(context.random.integer(2000));
      victim.child.kill('SIGCONT');
      context.count('stopped beyond its lease, and woken');
      return [];
    default: {
      // The new one comes before the old one goes, as in a rolling update.
      processes.add(await startShifted(context, world));
      const findings = await stopped(context, victim);
      processes.delete(victim);
      context.count('replaced');
      return findings;
    }
  }
}

/** Every lease that the process had is another's; tells how long the longest took. */
async function takenOver(context: AttackContext, world: World, victim: StartedRun): Promise<void> {
  const started = performance.now();
  const { pid } = victim.child;
  await withDatabase(world.storeUrl, async (database) => {
    const before = (await heldLeases(database)).filter(({ holder }) => isHeldBy(holder, pid));
    const left = new Map(before.map(({ work, epoch }) => [work, epoch]));
    while (left.size > 0) {
      for (const { work, holder, epoch } of await heldLeases(database)) {
        const old = left.get(work);
        if (old === undefined || epoch <= old || holder === undefined) continue;
        left.delete(work);
        context.measure('take-over of one lease', performance.now() - started);
      }
      const waitedMs = performance.now() - started;
      if (waitedMs > besideCopyMaxMs || (waitedMs > takeOverMaxMs && !(await hasUnfinishedCopy(database)))) {
        const what = `${[...left.keys()].join(', ')}; ${await sessionsOf(database)}`;
        throw new Error(`not taken over after ${Math.round(waitedMs)} ms: ${what}`);
      }
      await delay(50);
    }
  });
}

async function hasUnfinishedCopy(database: Database): Promise<boolean> {
  const { rows } = await database.query(
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%' AND wait_event = 'ClientRead'
      AND state = 'active' AND query_start < now() - interval '5 seconds'`,
  );
  return rows.length > 0;
}

/** What the server knows of transactions that are open, for whoever looks for the cause. */
async function sessionsOf(database: Database): Promise<string> {
  const { rows } = await database.query<{ told: string }>(
    `SELECT concat_ws(' ', pid, state, wait_event_type, now() - xact_start, left(query, 80)) AS told FROM pg_stat_activity
      WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()`,
  );
  return rows.map(({ told }) => told).join('; ');
}

/** Holders are named with host and process id. */
function isHeldBy(holder: string | undefined, pid: number | undefined): boolean {
  return holder !== undefined && new RegExp(`\\b${pid}\\b`).test(holder);
}

async function allHeld(world: World): Promise<void> {
  await withDatabase(world.storeUrl, async (database) => {
    const deadline = performance.now() + 60_000;
    while ((await heldLeases(database)).some(({ holder }) => holder === undefined)) {
      if (performance.now() > deadline) throw new Error('leases that nobody takes');
      await delay(100);
    }
  });
}
