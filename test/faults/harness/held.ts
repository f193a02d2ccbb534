/** What each sink of a world holds, read by a route that is not the program's own. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openPostgres } from '../../../src/database/postgres.ts';
import type { Database } from '../../../src/database/database.ts';
import { archivedLines } from '../../helpers/archive-read-back.ts';
import { readFiles } from '../../helpers/read-files.ts';
import type { SinkName, World } from './world.ts';

export interface HeldEntry {
  readonly sequence: number;
  readonly raw: string;
}

export async function withDatabase<T>(url: string, use: (database: Database) => Promise<T>): Promise<T> {
  const database = await openPostgres({
    url,
    applicationName: 'tests',
    connectTimeoutMs: 10_000,
    poolMax: 1,
  });
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}

/** In the order of the sequences; of stdout in the order in which they were printed, repeats included. */
export async function heldBy(world: World, sink: SinkName, organization = 'acme'): Promise<HeldEntry[]> {
  switch (sink) {
    case 'warehouse':
      return await tableRows(world, organization);
    case 'disk':
      return archivedLines(await archiveFiles(world, organization), organization);
    case 'bucket':
      return archivedLines(world.bucket.objects(), organization);
    case 'console':
      return world.printed.flatMap((text) => printedEntries(text, organization));
    default:
      return sink satisfies never;
  }
}

/** What is not finished yet has no place below the organization. */
async function archiveFiles(world: World, organization: string): Promise<[string, Buffer][]> {
  const folder = `organization=${organization}`;
  const directory = join(world.archive, folder);
  // It is made when something is first put there.
  if (!existsSync(directory)) return [];
  return (await readFiles(directory)).map(([name, bytes]) => [`${folder}/${name}`, bytes]);
}

async function tableRows(world: World, organization: string): Promise<HeldEntry[]> {
  return await withDatabase(world.database.url, async (database) => {
    const { rows: tables } = await database.query<{ name: string | null }>(
      `SELECT CAST(to_regclass('audit.cockroach_cloud_entries') AS text) AS name`,
    );
    if (tables[0]?.name === null) return [];
    const { rows } = await database.query<{ raw: string; sequence: string }>(
      'SELECT raw, sequence FROM audit.cockroach_cloud_entries WHERE organization = $1 ORDER BY sequence',
      [organization],
    );
    return rows.map((row) => ({ raw: row.raw, sequence: Number(row.sequence) }));
  });
}

/** Entries may hold U+2028, which a dot takes for the end of a line unless it is told otherwise. */
const envelope = /^\{"organization":"([^"]*)","sequence":(\d+),"entry":(.*)\}$/s;

/** A process that was killed may leave the last line unfinished, and no other. */
function printedEntries(text: string, organization: string): HeldEntry[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.flatMap((line) => {
    const [, name, sequence, raw] = envelope.exec(line) ?? [];
    if (sequence === undefined || raw === undefined) return [{ sequence: Number.NaN, raw: line }];
    return name === organization ? [{ sequence: Number(sequence), raw }] : [];
  });
}
