/** Everything that must hold once the program has ended in peace. */
import { checkContents } from './check-contents.ts';
import { checkPositions, parkedAt } from './check-positions.ts';
import { withDatabase } from './held.ts';
import type { World } from './world.ts';

/** With `archives`, the program's own `verify` is asked as well. */
export async function checkWorld(
  world: World,
  options: { readonly archives: boolean; readonly hasSeveralPrinters?: boolean },
): Promise<string[]> {
  const parked =
    world.store === 'embedded'
      ? new Set<number>()
      : await withDatabase(world.storeUrl, (database) => parkedAt(database, 'warehouse'));
  const contents: string[] = [];
  for (const organization of world.sandboxes.keys())
    contents.push(...(await checkContents(world, { ...options, organization, parked })));
  return [
    ...contents,
    ...(await checkPositions(world)),
    ...(options.archives ? await checkArchives(world) : []),
  ];
}

/** The program's own `verify`, with nothing but the public key. */
async function checkArchives(world: World): Promise<string[]> {
  const { bucket } = world;
  const places = {
    disk: [world.archive],
    bucket: [
      `s3://${bucket.settings.bucket}`,
      '--endpoint',
      bucket.url,
      '--region',
      bucket.settings.region,
      '--path-style',
    ],
  };
  const findings: string[] = [];
  for (const sink of ['disk', 'bucket'] as const) {
    if (!world.sinks.includes(sink)) continue;
    const { exitCode, stderr } = await world.run(['verify', ...places[sink], '--key', world.publicKey]);
    if (exitCode !== 0) findings.push(`${sink}: verify ended with ${exitCode}: ${stderr.slice(0, 400)}`);
  }
  return findings;
}
