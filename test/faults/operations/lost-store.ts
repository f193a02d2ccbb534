/** The store is lost beside full archives: a new one does not write over them, and a restore brings the old one back. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../../src/sandbox/random.ts';
import type { AttackContext } from '../harness/attack.ts';
import { checkWorld } from '../harness/check-world.ts';
import { createWorld, type SinkName, type World } from '../harness/world.ts';
import { withDaemon } from '../outages/daemon.ts';
import { isHeld, until, whileGrowing } from '../outages/watching.ts';
import {
  archivesHeld,
  dropStore,
  endEitherWay,
  endsAs,
  grow,
  soonRolled,
  type Operation,
} from './operation.ts';

type ArchiveName = Extract<SinkName, 'disk' | 'bucket'>;

export const lostStores: readonly Operation[] = [
  { name: 'a lost store beside full archives, restored from the bucket', first: 'bucket', second: 'disk' },
  { name: 'a lost store beside full archives, restored from the directory', first: 'disk', second: 'bucket' },
].map(({ name, ...order }) => ({
  name,
  run: (context, { seed, random }) => loseStore(context, { seed, random, ...(order as Order) }),
}));

interface Order {
  readonly first: ArchiveName;
  readonly second: ArchiveName;
}

async function loseStore(
  context: AttackContext,
  { seed, random, first, second }: Order & { readonly seed: number; readonly random: Random },
): Promise<string[]> {
  const world = await createWorld({ seed, createDatabase: context.createDatabase, entries: 120 });
  world.adapt = soonRolled;
  return await whileGrowing(world, (stopGrowing) =>
    withDaemon(world, async (daemon) => {
      await daemon.start();
      await until('every sink holds the beginning', () => isHeld(world, 120));
      await endEitherWay(daemon, random);
      stopGrowing();
      // What no archive held would be read again, and could come in another order.
      const findings = await endsAs(world, ['run', '--once'], { exitCode: 0 });
      await dropStore(world);
      grow(world, 20);
      findings.push(...(await refusedFindings(world, first)));
      await dropStore(world);
      await killRestore(context, world, { from: first, random });
      findings.push(...(await endsAs(world, ['restore', first, '--yes'], { exitCode: 0 })));
      findings.push(...(await secondFindings(world, second)));
      grow(world, 20);
      await daemon.start();
      const head = world.sandbox.truth().length;
      await until('every sink goes on', () => isHeld(world, head));
      await daemon.stop();
      return [
        ...findings,
        ...(await endsAs(world, ['run', '--once'], { exitCode: 0 })),
        ...(await checkWorld(world, { archives: true, hasSeveralPrinters: true })),
      ];
    }),
  );
}

/** A new store beside the archives: both stay as they are, and the way out is told. */
async function refusedFindings(world: World, archive: ArchiveName): Promise<string[]> {
  const before = await archivesHeld(world);
  const printed = world.printed.length;
  // Both archives are named. The table stops, too, where this ledger has another order.
  const findings = await endsAs(world, ['run', '--once'], {
    exitCode: 4,
    says: /(?:was begun by another ledger .* rebuild it from the archive with 'ccloud-audit restore'.*){2}/s,
  });
  // What it printed has the numbers of a ledger that is given up.
  world.printed.length = printed;
  findings.push(
    ...(await endsAs(world, ['restore', archive, '--yes'], {
      exitCode: 2,
      says: /A restore goes into an empty store.* Set store\.schema to a new name, or drop the schema/,
    })),
  );
  if ((await archivesHeld(world)) !== before)
    findings.push('a new store wrote to the archives of another one');
  return findings;
}

/** The other archive is of the same ledger, and the store does not know its objects yet. */
async function secondFindings(world: World, archive: ArchiveName): Promise<string[]> {
  const before = await archivesHeld(world);
  const says =
    /which the store does not know under the name of this sink: the store is older than this archive/;
  const findings = await endsAs(world, ['run', '--once'], { exitCode: 4, says });
  const after = JSON.parse(await archivesHeld(world)) as unknown[];
  const kept = (JSON.parse(before) as unknown[]).map((object) => JSON.stringify(object));
  const now = new Set(after.map((object) => JSON.stringify(object)));
  if (kept.some((object) => !now.has(object))) findings.push('an object was replaced');
  findings.push(...(await endsAs(world, ['restore', archive, '--yes'], { exitCode: 0 })));
  return findings;
}

async function killRestore(
  context: AttackContext,
  world: World,
  { from, random }: { readonly from: ArchiveName; readonly random: Random },
): Promise<void> {
  const { child, ended } = await world.start(['restore', from, '--yes']);
  await Promise.race([ended, delay(300 + random.integer(2500))]);
  child.kill('SIGKILL');
  const { signal } = await ended;
  if (signal === 'SIGKILL') context.count('a restore killed');
}
