/** What an operator does to a running exporter, and what the attacks on it share. */
import type { Random } from '../../../src/sandbox/random.ts';
import { storeState } from '../../helpers/store-state.ts';
import { readFiles } from '../../helpers/read-files.ts';
import type { AttackContext } from '../harness/attack.ts';
import { withDatabase } from '../harness/held.ts';
import type { Configuration, HowToRun, World } from '../harness/world.ts';
import type { Daemon } from '../outages/daemon.ts';

export interface Operation {
  readonly name: string;
  /** Resolves to what was found: sentences. */
  run(context: AttackContext, work: { readonly seed: number; readonly random: Random }): Promise<string[]>;
}

/** Objects are written soon, so that every sink has something to do all the time. */
export function soonRolled({ sinks, ...others }: Configuration): Configuration {
  const rolled = sinks.map((sink) => ('roll' in sink ? { ...sink, roll: { entries: 30, age: '1s' } } : sink));
  return { ...others, sinks: rolled };
}

/** Runs a command to its end: a finding where it ends otherwise, or says something else. */
export async function endsAs(
  world: World,
  words: readonly string[],
  expected: { readonly exitCode: number; readonly says?: RegExp; readonly how?: HowToRun },
): Promise<string[]> {
  const { exitCode, signal, stderr } = await world.run(words, expected.how);
  const isTold = expected.says === undefined || expected.says.test(stderr);
  if (exitCode === expected.exitCode && isTold) return [];
  return [
    `${words.join(' ')} ended with ${exitCode ?? signal} instead of ${expected.exitCode}, and said: ${stderr.slice(-900)}`,
  ];
}

/** SIGKILL or SIGTERM, as it happens. */
export async function endEitherWay(daemon: Daemon, random: Random): Promise<void> {
  if (random.integer(2) === 0) await daemon.end();
  else await daemon.stop();
}

/** Everything that a world's destinations and store hold, as text that can be compared. */
export async function everythingHeld(world: World): Promise<string> {
  const tables = await withDatabase(world.storeUrl, (database) =>
    storeState(database, ['ccloud_audit', 'audit']),
  );
  return JSON.stringify([tables, await archivesHeld(world)]);
}

/** Every object of both archives. */
export async function archivesHeld(world: World): Promise<string> {
  const objects = [...world.bucket.objects(), ...(await readFiles(world.archive))];
  return JSON.stringify(objects.map(([key, bytes]) => [key, bytes.toString('base64')]));
}

export async function dropStore(world: World): Promise<void> {
  await withDatabase(world.storeUrl, (database) => database.query('DROP SCHEMA ccloud_audit CASCADE'));
}

/** Entries that came while nobody looked. */
export function grow(world: World, entries: number): void {
  world.sandbox.append(Array.from({ length: entries }, () => ({})));
}
