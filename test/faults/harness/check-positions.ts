/**
 * No position is ahead of its data: looked at right after the program died, before anything could mend it. An offset is
 * at most what its sink holds; what lies before a checkpoint is in the ledger.
 */
import type { Database } from '../../../src/database/database.ts';
import { parseTimestamp } from '../../../src/time.ts';
import { heldBy, withDatabase } from './held.ts';
import { sinkNames, type SinkName, type World } from './world.ts';

/** With `isAlive`, a program still runs: what it has printed is not all known yet. */
export async function checkPositions(
  world: World,
  options: { readonly isAlive?: boolean } = {},
): Promise<string[]> {
  if (world.store === 'embedded') return [];
  return await withDatabase(world.storeUrl, async (database) => {
    const { rows } = await database.query<{ name: string | null }>(
      `SELECT CAST(to_regclass('ccloud_audit.deliveries') AS text) AS name`,
    );
    // It may have died before there was a store.
    if (rows[0]?.name === null) return [];
    return [
      ...(await offsetFindings(world, database, options.isAlive === true)),
      ...(await checkpointFindings(world, database)),
    ];
  });
}

async function offsetFindings(world: World, database: Database, isAlive: boolean): Promise<string[]> {
  const { rows } = await database.query<{ organization: string; sink: string; acknowledged: string }>(
    `SELECT o.name AS organization, d.sink, d.acknowledged FROM ccloud_audit.deliveries d
      JOIN ccloud_audit.organizations o ON o.id = d.organization`,
  );
  const findings: string[] = [];
  for (const { organization, sink, acknowledged } of rows) {
    if (!isSink(sink) || (isAlive && sink === 'console')) continue;
    const parked = await parkedAt(database, sink);
    const held = await heldBy(world, sink, organization);
    const sequences = new Set(held.map(({ sequence }) => sequence));
    for (let sequence = 1; sequence <= Number(acknowledged); sequence += 1) {
      if (sequences.has(sequence) || parked.has(sequence)) continue;
      findings.push(
        `${organization}, ${sink}: the offset is ${acknowledged}, but sequence ${sequence} is not there`,
      );
      break;
    }
  }
  return findings;
}

export async function parkedAt(database: Database, sink: SinkName): Promise<Set<number>> {
  const { rows } = await database.query<{ sequence: string }>(
    'SELECT sequence FROM ccloud_audit.parked_entries WHERE sink = $1',
    [sink],
  );
  return new Set(rows.map(({ sequence }) => Number(sequence)));
}

function isSink(name: string): name is SinkName {
  return sinkNames.some((known) => known === name);
}

interface PositionRow {
  readonly organization: string;
  readonly from_time: string;
  readonly checkpoint: string | null;
  readonly to_time: string | null;
}

// Coverage was read to its end, a stretch up to its checkpoint, which may lie behind its end, the tail from the boundary
// up to its own.
const selectPositions = `SELECT o.name AS organization, p.* FROM ccloud_audit.organizations o JOIN (
    SELECT organization AS id, from_time, NULL AS checkpoint, to_time FROM ccloud_audit.coverage
    UNION ALL SELECT organization, from_time, checkpoint, to_time FROM ccloud_audit.stretches WHERE checkpoint IS NOT NULL
    UNION ALL SELECT id, boundary, tail_checkpoint, NULL FROM ccloud_audit.organizations
  ) p ON p.id = o.id WHERE p.checkpoint IS NOT NULL OR p.to_time IS NOT NULL`;

async function checkpointFindings(world: World, database: Database): Promise<string[]> {
  const { rows: positions } = await database.query<PositionRow>(selectPositions);
  const { rows } = await database.query<{ entry: string }>('SELECT entry FROM ccloud_audit.ledger_rows');
  const ledger = new Set(rows.map(({ entry }) => entry));
  return [...world.sandboxes].flatMap(([name, sandbox]) => {
    const read = positions.filter(({ organization }) => organization === name).map(readSoFar);
    const isPast = (at: bigint): boolean => read.some(({ from, to }) => from <= at && at < to);
    const ahead = sandbox
      .truth()
      .find(({ id, createdAt, late }) => late !== true && isPast(createdAt) && !ledger.has(id));
    return ahead === undefined
      ? []
      : [
          `${name}: a position is past entry ${ahead.id} of ${ahead.createdAt}, which the ledger lacks; ` +
            `read is ${read.map(({ from, to }) => `${from} to ${to}`).join(', ')}`,
        ];
  });
}

function readSoFar(position: PositionRow): { readonly from: bigint; readonly to: bigint } {
  const { from_time: from, checkpoint, to_time: to } = position;
  return {
    from: BigInt(from),
    to: [to === null ? undefined : BigInt(to), parseTimestamp(checkpoint ?? '')]
      .filter((end) => end !== undefined)
      .reduce((least, end) => (end < least ? end : least)),
  };
}
