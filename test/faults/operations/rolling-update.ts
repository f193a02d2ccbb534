/** Two standbys of the next release come while this one works, migrate the store under it, and take over when it goes. */
import { setTimeout as delay } from 'node:timers/promises';
import { schemaVersion } from '../../../src/ledger/migrations.ts';
import { checkPositions } from '../harness/check-positions.ts';
import { checkWorld } from '../harness/check-world.ts';
import { withDatabase } from '../harness/held.ts';
import { createWorld, type World } from '../harness/world.ts';
import { withDaemon } from '../outages/daemon.ts';
import { isHeld, until, whileGrowing } from '../outages/watching.ts';
import { endEitherWay, endsAs, soonRolled, type Operation } from './operation.ts';

const nextRelease = { compatibleFrom: 1 };
/** As `next-release-hooks.mjs` has them. */
const statements = 3;

export const rollingUpdate: Operation = {
  name: 'a rolling update over a pending migration',
  run: async (context, { seed, random }) => {
    const world = await createWorld({ seed, createDatabase: context.createDatabase, entries: 60 });
    world.adapt = soonRolled;
    return await whileGrowing(world, (stopGrowing) =>
      withDaemon(world, (old) =>
        withDaemon(world, (next) =>
          withDaemon(world, async (standby) => {
            await old.start();
            await until('every sink holds the beginning', () => isHeld(world, 60));
            const findings: string[] = [];
            // The first of the new ones dies in the middle of the migration.
            const endAt = { step: 'migration-statement-run', times: 1 + random.integer(statements) } as const;
            const { signal, stderr } = await world.run(['run'], { nextRelease, endAt });
            if (signal === 'SIGKILL') context.count('killed while it migrated');
            else findings.push(`a new release did not migrate: ${stderr.slice(-600)}`);
            const starting = [next.start({ nextRelease }), standby.start({ nextRelease })];
            await delay(random.integer(3000));
            await endEitherWay(old, random);
            findings.push(...(await checkPositions(world, { isAlive: true })));
            await Promise.all(starting);
            const head = world.sandbox.truth().length;
            const took = await until('the new ones take over', () => isHeld(world, head));
            context.measure('until every sink has what had come when the new release had started', took);
            await next.end();
            const later = world.sandbox.truth().length;
            await until('the last one takes over', () => isHeld(world, later));
            stopGrowing();
            await standby.stop();
            return [
              ...findings,
              ...(await endsAs(world, ['run', '--once'], { exitCode: 0, how: { nextRelease } })),
              ...(await migrationFindings(world)),
              ...(await checkWorld(world, { archives: true, hasSeveralPrinters: true })),
            ];
          }),
        ),
      ),
    );
  },
};

/** The store is at the next version, and has what one migration makes. */
async function migrationFindings(world: World): Promise<string[]> {
  return await withDatabase(world.storeUrl, async (database) => {
    const { rows } = await database.query<{ version: string; made: string }>(
      `SELECT (SELECT value FROM ccloud_audit.properties WHERE name = 'schema_version') AS version,
        (SELECT count(*) FROM information_schema.columns
          WHERE table_schema = 'ccloud_audit' AND 'next_release' IN (table_name, column_name)) AS made`,
    );
    const [found] = rows;
    return Number(found?.version) === schemaVersion + 1 && Number(found?.made) === statements
      ? []
      : [`after the migration the store has ${JSON.stringify(found)}`];
  });
}
