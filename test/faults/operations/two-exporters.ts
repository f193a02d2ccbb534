/** Two exporters with a store each on one bucket, one directory and one table: an archive is one's alone, the table harmless. */
import { setTimeout as delay } from 'node:timers/promises';
import { identityKey } from '../../../src/archive/layout.ts';
import { readFiles } from '../../helpers/read-files.ts';
import type { AttackContext } from '../harness/attack.ts';
import { checkPositions } from '../harness/check-positions.ts';
import { checkWorld } from '../harness/check-world.ts';
import { heldBy, withDatabase } from '../harness/held.ts';
import { createWorld, type World } from '../harness/world.ts';
import { withDaemon, type Daemon } from '../outages/daemon.ts';
import { sinkState, until, whileGrowing } from '../outages/watching.ts';
import { soonRolled, type Operation } from './operation.ts';
import type { Random } from '../../../src/sandbox/random.ts';

const troubles = 4;

export const twoExporters: Operation = {
  name: 'two exporters on one bucket, one directory and one table',
  run: async (context, { seed, random }) => {
    const world = await createWorld({ seed, createDatabase: context.createDatabase, entries: 60 });
    world.adapt = soonRolled;
    const stores = [world.storeUrl, (await world.spare()).url];
    return await whileGrowing(world, (stopGrowing) =>
      withDaemon(world, (one) =>
        withDaemon(world, async (other) => {
          const daemons = [one, other];
          const start = async (index: number): Promise<void> => {
            world.storeUrl = stores[index] ?? '';
            await daemons[index]?.start();
          };
          await Promise.all([start(0), start(1)]);
          const owners = await archiveOwners(world);
          await killInTurn(context, { daemons, random, start });
          const head = world.sandbox.truth().length;
          for (const url of stores) await until('every sink is fed or refused', () => isSettled(url, head));
          stopGrowing();
          for (const daemon of daemons) await daemon.stop();
          const findings: string[] = [];
          for (const url of stores) {
            world.storeUrl = url;
            findings.push(...(await checkStore(world, owners)));
          }
          findings.push(...(await checkDestinations(world)));
          if (JSON.stringify(await archiveOwners(world)) !== JSON.stringify(owners))
            findings.push('an archive changed hands');
          return findings;
        }),
      ),
    );
  },
};

async function killInTurn(
  context: AttackContext,
  work: {
    readonly daemons: readonly Daemon[];
    readonly random: Random;
    readonly start: (index: number) => Promise<void>;
  },
): Promise<void> {
  for (let trouble = 0; trouble < troubles; trouble += 1) {
    await delay(work.random.integer(1500));
    const index = work.random.integer(2);
    await work.daemons[index]?.end();
    context.count('killed');
    await work.start(index);
  }
}

/** Which ledger each archive is of; waits until there is one. */
async function archiveOwners(world: World): Promise<Record<'disk' | 'bucket', string>> {
  const owners = { disk: '', bucket: '' };
  await until('both archives are begun', async () => {
    owners.disk = ownerIn(await readFiles(world.archive));
    owners.bucket = ownerIn(world.bucket.objects());
    return owners.disk !== '' && owners.bucket !== '';
  });
  return owners;
}

function ownerIn(objects: Iterable<readonly [string, Buffer]>): string {
  const [, bytes] = [...objects].find(([key]) => key === identityKey('acme')) ?? [];
  return bytes === undefined ? '' : (JSON.parse(bytes.toString('utf8')) as { ledgerId: string }).ledgerId;
}

async function isSettled(url: string, head: number): Promise<boolean> {
  return await withDatabase(url, async (database) => {
    const states = await Promise.all(
      ['warehouse', 'disk', 'bucket', 'console'].map((sink) => sinkState(database, sink)),
    );
    return states.every((state) => state?.isStopped === true || (state?.offset ?? 0) >= head);
  });
}

/** A store that owns both archives exports in peace; the other one says whose they are, and feeds the rest. */
async function checkStore(world: World, owners: Record<'disk' | 'bucket', string>): Promise<string[]> {
  const ledgerId = await withDatabase(world.storeUrl, async (database) => {
    const { rows } = await database.query<{ value: string }>(
      `SELECT value FROM ccloud_audit.properties WHERE name = 'ledger_id'`,
    );
    return rows[0]?.value ?? '';
  });
  const isRefused = Object.values(owners).some((owner) => owner !== ledgerId);
  const says = /was begun by another ledger .* give this sink another prefix/;
  const { exitCode, stderr } = await world.run(['run', '--once']);
  const findings = await checkPositions(world);
  // Two ledgers may have the same entries in another order; then the table goes on with one of them.
  const isTableLost = stderr.includes('Somebody else writes to the table');
  if (exitCode !== (isRefused || isTableLost ? 4 : 0) || isRefused !== says.test(stderr))
    findings.push(`run --once ended with ${exitCode} and said: ${stderr.slice(-900)}`);
  return findings;
}

/** Each destination holds everything once, in the order of one of the two; what was printed is all from the log. */
async function checkDestinations(world: World): Promise<string[]> {
  const findings: string[] = [];
  for (const sink of ['warehouse', 'disk', 'bucket'] as const)
    findings.push(...(await checkWorld({ ...world, sinks: [sink] }, { archives: sink !== 'warehouse' })));
  const truth = new Set(world.sandbox.truth().map(({ raw }) => raw.toString('utf8')));
  const printed = new Set((await heldBy(world, 'console')).map(({ raw }) => raw));
  if (printed.size !== truth.size || [...printed].some((raw) => !truth.has(raw)))
    findings.push(`${printed.size} entries were printed, the log has ${truth.size}`);
  return findings;
}
