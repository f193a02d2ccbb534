/** The next release has migrated the store, and this one comes back. */
import { setTimeout as delay } from 'node:timers/promises';
import { schemaVersion } from '../../../src/ledger/migrations.ts';
import { checkWorld } from '../harness/check-world.ts';
import { withDatabase } from '../harness/held.ts';
import { createWorld } from '../harness/world.ts';
import { withDaemon } from '../outages/daemon.ts';
import { isHeld, until, whileGrowing } from '../outages/watching.ts';
import { endEitherWay, endsAs, everythingHeld, grow, soonRolled, type Operation } from './operation.ts';

export const rollbackToSuiting: Operation = {
  name: 'a rollback to a release that the store suits',
  run: async (context, { seed, random }) => {
    const nextRelease = { compatibleFrom: 1 };
    const world = await createWorld({ seed, createDatabase: context.createDatabase, entries: 60 });
    world.adapt = soonRolled;
    return await whileGrowing(world, (stopGrowing) =>
      withDaemon(world, async (daemon) => {
        for (const how of [{}, { nextRelease }, {}, { nextRelease }, {}]) {
          await daemon.start(how);
          const head = world.sandbox.truth().length;
          await until('this release goes on', () => isHeld(world, head));
          await delay(random.integer(1000));
          await endEitherWay(daemon, random);
        }
        stopGrowing();
        const version = await withDatabase(world.storeUrl, async (database) => {
          const { rows } = await database.query<{ value: string }>(
            `SELECT value FROM ccloud_audit.properties WHERE name = 'schema_version'`,
          );
          return Number(rows[0]?.value);
        });
        return [
          ...(version === schemaVersion + 1
            ? []
            : [`the older release left the store at version ${version}`]),
          ...(await endsAs(world, ['run', '--once'], { exitCode: 0 })),
          ...(await checkWorld(world, { archives: true, hasSeveralPrinters: true })),
        ];
      }),
    );
  },
};

/** Whatever opens the store. */
const commands: readonly (readonly string[])[] = [
  ['run'],
  ['run', '--once'],
  ['backfill'],
  ['status'],
  ['offset', 'list'],
  ['reconcile', '--from', '30d', '--repair'],
  ['restore', 'bucket', '--yes'],
  ['sink', 'retire', 'disk', '--yes'],
  ['store', 'migrate'],
];

export const rollbackToRefused: Operation = {
  name: 'a rollback to a release that the store refuses',
  run: async (context, { seed }) => {
    const needed = schemaVersion + 1;
    const how = { nextRelease: { compatibleFrom: needed } };
    const world = await createWorld({ seed, createDatabase: context.createDatabase, entries: 60 });
    try {
      const findings = await endsAs(world, ['run', '--once'], { exitCode: 0, how });
      grow(world, 20);
      const before = await everythingHeld(world);
      const says = new RegExp(
        `was written by a newer release and needs a program of schema version ${needed} or later; this one has ${schemaVersion}\\. Install the newer release`,
      );
      for (const words of commands) {
        findings.push(...(await endsAs(world, words, { exitCode: 4, says })));
        context.count(`refused: ${words.join(' ')}`);
      }
      if ((await everythingHeld(world)) !== before) findings.push('a refused command changed something');
      return [
        ...findings,
        ...(await endsAs(world, ['run', '--once'], { exitCode: 0, how })),
        ...(await checkWorld(world, { archives: true })),
      ];
    } finally {
      await world.dispose();
    }
  },
};
