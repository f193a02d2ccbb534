/** Who holds the leases of a world's store, by the database's clock. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../../src/database/database.ts';
import { withDatabase } from './held.ts';
import type { World } from './world.ts';

export interface HeldLease {
  /** `acme` for reading it, `acme warehouse` for feeding that sink. */
  readonly work: string;
  readonly holder: string | undefined;
  readonly epoch: number;
}

const selectLeases = `SELECT o.name AS work, o.lease_epoch AS epoch,
    CASE WHEN o.lease_until >= now() THEN o.lease_holder END AS holder
  FROM ccloud_audit.organizations o
  UNION ALL SELECT o.name || ' ' || d.sink, d.lease_epoch, CASE WHEN d.lease_until >= now() THEN d.lease_holder END
  FROM ccloud_audit.deliveries d JOIN ccloud_audit.organizations o ON o.id = d.organization
  WHERE d.retired_at IS NULL ORDER BY 1`;

export async function heldLeases(database: Database): Promise<HeldLease[]> {
  const { rows } = await database.query<{ work: string; holder: string | null; epoch: string }>(selectLeases);
  return rows.map(({ work, holder, epoch }) => ({ work, holder: holder ?? undefined, epoch: Number(epoch) }));
}

/** Those of a process that was killed run out by themselves. */
export async function untilNoLeaseIsHeld(database: Database): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const held = (await heldLeases(database)).filter(({ holder }) => holder !== undefined);
    if (held.length === 0) return;
    if (performance.now() > deadline)
      throw new Error(`leases that do not run out: ${held.map(({ work }) => work).join(', ')}`);
    await delay(100);
  }
}

/**
 * Lets the leases of a process that was killed run out at once, as if one had waited for it: nothing else is different. Without
 * it most of an attack is waiting.
 */
export async function runOutLeases(world: World): Promise<void> {
  // Whoever opens an embedded store ends the leases in it.
  if (world.store === 'embedded') return;
  await withDatabase(world.storeUrl, async (database) => {
    for (const table of ['organizations', 'deliveries']) {
      const { rows } = await database.query<{ name: string | null }>(
        `SELECT CAST(to_regclass('ccloud_audit.${table}') AS text) AS name`,
      );
      // It may have died before there was a store.
      if (rows[0]?.name === null) continue;
      await database.query(
        `UPDATE ccloud_audit.${table} SET lease_until = now() - interval '1 millisecond' WHERE lease_until > now()`,
      );
    }
  });
}
