/**
 * How each step is reached. A scenario makes a world, brings it to where the step comes, lets the program end there,
 * and goes on from the wreck.
 */
import type { StepName } from '../../src/steps.ts';
import { withDatabase } from './harness/held.ts';
import { untilNoLeaseIsHeld } from './harness/leases.ts';
import type { EndAtStep, EndedRun, SinkName, World, WorldOptions } from './harness/world.ts';

export interface Scenario {
  readonly world?: Partial<Pick<WorldOptions, 'entries' | 'sinks'>>;
  /** A world is attacked so often; then it gives way to a fresh one. */
  readonly killsPerWorld: number;
  /** After the first kill the step may not come again in the same world. */
  readonly isReachedOnce?: boolean;
  /** Brings the world to where the next attack begins. */
  prepare(world: World, round: number): Promise<void>;
  /** Runs what reaches the step, and ends there. */
  attack(world: World, endAt: EndAtStep): Promise<EndedRun>;
  /** What an operator does after it, beside starting again; rejects where that fails. */
  recover?(world: World): Promise<void>;
}

const sweepWords = ['run', '--once'];

/** Entries have come, and a sweep takes them everywhere. */
const sweep: Scenario = {
  killsPerWorld: 20,
  prepare: async (world) => {
    world.sandbox.append(Array.from({ length: 12 }, () => ({})));
  },
  attack: (world, endAt) => world.run(sweepWords, { endAt }),
};

/** The first contact with an empty store and empty sinks; again, where the program died before it was done. */
const firstContact: Scenario = {
  killsPerWorld: 4,
  isReachedOnce: true,
  prepare: async () => undefined,
  attack: (world, endAt) => world.run(sweepWords, { endAt }),
};

const prune: Scenario = {
  killsPerWorld: 10,
  prepare: async (world, round) => {
    world.retention = 'forever';
    if (round === 0) await succeed(world, sweepWords);
    world.sandbox.append(Array.from({ length: 12 }, () => ({})));
    await succeed(world, sweepWords);
    await withDatabase(world.storeUrl, (database) =>
      database.query(`UPDATE ccloud_audit.segments SET appended_at = appended_at - interval '3 days'`),
    );
    world.retention = '1d';
  },
  attack: async (world, endAt) => await untilKilled(world, endAt),
};

/** A table that refuses an entry: every other one that a sink can take must get there. */
const park: Scenario = {
  killsPerWorld: 8,
  prepare: async (world, round) => {
    if (round === 0) {
      await succeed(world, sweepWords);
      await withDatabase(world.database.url, (database) =>
        database.query(
          `ALTER TABLE audit.cockroach_cloud_entries ADD CHECK (raw NOT LIKE '%refused-by-a-constraint%')`,
        ),
      );
    }
    world.sandbox.append([{}, {}, { fields: { cluster_name: 'refused-by-a-constraint' } }, {}]);
  },
  attack: (world, endAt) => world.run(sweepWords, { endAt }),
};

/** The store is lost beside a full bucket, and comes back from it. */
const restore: Scenario = {
  world: { sinks: ['warehouse', 'bucket'], entries: 120 },
  killsPerWorld: 5,
  prepare: async (world, round) => {
    // Later on: what was killed is gone on with, exported from, and lost again.
    await succeed(world, round === 0 ? sweepWords : restoreWords);
    world.sandbox.append(Array.from({ length: 40 }, () => ({})));
    await succeed(world, sweepWords);
    await withDatabase(world.storeUrl, (database) => database.query('DROP SCHEMA ccloud_audit CASCADE'));
  },
  attack: (world, endAt) => world.run(restoreWords, { endAt }),
  recover: async (world) => await succeed(world, restoreWords),
};
const restoreWords = ['restore', 'bucket', '--yes'];

/** Late entries beyond the overlap, which only a comparison finds. */
const repair: Scenario = {
  killsPerWorld: 8,
  prepare: async (world) => {
    await succeed(world, sweepWords);
    const createdAt = BigInt(Date.now() - 30 * 3_600_000) * 1_000_000n;
    world.sandbox.append(Array.from({ length: 5 }, (_, index) => ({ createdAt: createdAt + BigInt(index) })));
  },
  attack: (world, endAt) => world.run(['reconcile', '--from', '30d', '--repair'], { endAt }),
  recover: async (world) => {
    // Waits until the lease of the dead has run out, which a comparison does not.
    await succeed(world, sweepWords);
    await succeed(world, ['reconcile', '--from', '30d', '--repair']);
  },
};

/** The store moves to another database. */
const copy: Scenario = {
  killsPerWorld: 1,
  prepare: async (world) => {
    await succeed(world, sweepWords);
    await emptySpare(world);
  },
  attack: async (world, endAt) => {
    const { words, env } = await copyCommand(world);
    return await world.run(words, { endAt, env });
  },
  recover: async (world) => {
    // What an interrupted copy left behind is no store, and is dropped as the program says.
    await emptySpare(world);
    await withDatabase(world.storeUrl, untilNoLeaseIsHeld);
    const { words, env } = await copyCommand(world);
    await succeed(world, words, env);
    world.storeUrl = (await world.spare()).url;
  },
};

/** A password is never a part of the command line, which the program refuses. */
async function copyCommand(
  world: World,
): Promise<{ readonly words: string[]; readonly env: Record<string, string> }> {
  const url = new URL((await world.spare()).url);
  const env = { PGPASSWORD: url.password };
  url.password = '';
  return { words: ['store', 'copy', url.href, '--yes'], env };
}

async function emptySpare(world: World): Promise<void> {
  const { url } = await world.spare();
  await withDatabase(url, (database) => database.query('DROP SCHEMA IF EXISTS ccloud_audit CASCADE'));
}

/** A daemon does more than a sweep; it is ended at the step, or told to stop when that does not come. */
async function untilKilled(world: World, endAt: EndAtStep): Promise<EndedRun> {
  const { child, ended } = await world.start(['run'], { endAt });
  const stop = setTimeout(() => child.kill('SIGTERM'), 60_000);
  const run = await ended;
  clearTimeout(stop);
  return run;
}

async function succeed(
  world: World,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { exitCode, stderr } = await world.run(words, { env });
  // 7 is done, with entries parked.
  if (exitCode !== 0 && exitCode !== 7)
    throw new Error(`${words.join(' ')} ended with ${exitCode}: ${stderr}`);
}

const archives: readonly SinkName[] = ['disk', 'bucket'];
const everywhere: readonly SinkName[] = ['warehouse', 'disk', 'bucket', 'console'];

export interface Place {
  readonly scenario: Scenario;
  /** The sinks in which the step is attacked one by one; undefined: it is of no sink, or names it by itself. */
  readonly sinks?: readonly SinkName[];
  /** It is attacked at its first to its n-th time. */
  readonly timesMax?: number;
}

/** Where each step is attacked. The compiler asks for every step. */
export const places: Readonly<Record<StepName, readonly Place[]>> = {
  'migration-statement-run': [{ scenario: firstContact, timesMax: 25 }],
  'migration-version-written': [{ scenario: firstContact, timesMax: 2 }],
  'organization-registered': [{ scenario: firstContact }],
  'delivery-registered': [{ scenario: firstContact, sinks: everywhere }],
  'lease-taken': [{ scenario: sweep }, { scenario: sweep, sinks: everywhere }],
  'lease-released': [{ scenario: sweep }, { scenario: sweep, sinks: everywhere }],
  'before-boundary-commit': [{ scenario: firstContact }],
  'boundary-fixed': [{ scenario: firstContact }],
  'before-demand-commit': [{ scenario: firstContact }],
  'page-received': [
    { scenario: firstContact, timesMax: 3 },
    { scenario: sweep, timesMax: 2 },
  ],
  'append-begun': [{ scenario: firstContact, timesMax: 3 }, { scenario: sweep }, { scenario: repair }],
  'rows-numbered': [{ scenario: firstContact, timesMax: 3 }, { scenario: sweep }, { scenario: repair }],
  'segment-written': [{ scenario: firstContact, timesMax: 3 }, { scenario: sweep }, { scenario: repair }],
  'position-moved': [{ scenario: firstContact, timesMax: 3 }, { scenario: sweep }, { scenario: repair }],
  'append-committed': [{ scenario: firstContact, timesMax: 3 }, { scenario: sweep }, { scenario: repair }],
  'before-stretch-commit': [{ scenario: firstContact }],
  'stretch-finished': [{ scenario: firstContact }],
  'before-prune-commit': [{ scenario: prune }],
  pruned: [{ scenario: prune }],
  'sink-attached': [{ scenario: sweep, sinks: everywhere }],
  'batch-written': [{ scenario: sweep, sinks: everywhere }],
  'before-offset-commit': [{ scenario: sweep, sinks: everywhere }],
  'offset-moved': [{ scenario: sweep, sinks: everywhere }],
  'before-park-commit': [{ scenario: park, sinks: ['warehouse'] }],
  'before-plan-commit': [{ scenario: sweep, sinks: archives }],
  'object-planned': [{ scenario: sweep, sinks: archives }],
  'archive-claimed': [{ scenario: firstContact, timesMax: 2 }],
  'file-written': [
    { scenario: sweep, timesMax: 2 },
    { scenario: firstContact, timesMax: 4 },
  ],
  'file-linked': [
    { scenario: sweep, timesMax: 2 },
    { scenario: firstContact, timesMax: 4 },
  ],
  'file-synced': [
    { scenario: sweep, timesMax: 2 },
    { scenario: firstContact, timesMax: 4 },
  ],
  'put-sent': [
    { scenario: sweep, timesMax: 2 },
    { scenario: firstContact, timesMax: 4 },
  ],
  'put-answered': [{ scenario: sweep }, { scenario: firstContact, timesMax: 4 }],
  'digest-signed': [{ scenario: sweep, sinks: archives }],
  'before-digest-commit': [{ scenario: sweep, sinks: archives }],
  'digest-planned': [{ scenario: sweep, sinks: archives }],
  'digest-written': [{ scenario: sweep, sinks: archives }],
  'digest-confirmed': [{ scenario: sweep, sinks: archives }],
  'rows-copied': [{ scenario: sweep }, { scenario: firstContact, timesMax: 2 }],
  'rows-committed': [{ scenario: sweep }, { scenario: firstContact, timesMax: 2 }],
  'lines-printed': [{ scenario: sweep }],
  'archive-verified': [{ scenario: restore }],
  'restore-begun': [{ scenario: restore }],
  'object-restored': [{ scenario: restore, timesMax: 4 }],
  'digest-restored': [{ scenario: restore, timesMax: 2 }],
  'delivery-restored': [{ scenario: restore }],
  'before-restore-end': [{ scenario: restore }],
  'table-copied': [{ scenario: copy, timesMax: 10 }],
  'before-copy-end': [{ scenario: copy }],
};
