import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import { copyStore } from '../../src/ledger/copy-store.ts';
import { readTables } from '../../src/ledger/copy-table.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { withSchema } from '../../src/ledger/schema-name.ts';
import { readSegmentFrom } from '../../src/ledger/segments.ts';
import { silentLogger } from '../../src/logger.ts';
import {
  anotherLedger,
  createFilledLedger,
  filledSchema,
  leaseOf,
  openTestDatabase,
  rawOf,
  type FilledLedger,
} from '../helpers/filled-ledger.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';
import { rejectionOf } from '../helpers/rejection.ts';

let filled: FilledLedger;
let place: TestDatabase;
let target: Database;
const { signal } = new AbortController();

beforeEach(async () => {
  filled = await createFilledLedger();
  place = await createTestDatabase();
  target = await openTestDatabase(place.url);
});

afterEach(async () => {
  await target.close();
  await place.drop();
  await filled.close();
});

/** Every row of every table but the store's own properties, as text. */
async function contents(database: Database): Promise<Record<string, readonly string[]>> {
  const result: Record<string, readonly string[]> = {};
  for (const { name } of await readTables(database, filledSchema)) {
    if (name === 'properties') continue;
    const rows = await withSchema(database, filledSchema).query<{ row: string }>(
      `SELECT CAST(t AS text) AS row FROM ledger.${name} t ORDER BY 1`,
    );
    result[name] = rows.rows.map(({ row }) => row);
  }
  return result;
}

async function fillEveryTable(): Promise<void> {
  for (let segment = 0; segment < 9; segment += 1) await filled.fill(500);
  await filled.addDelivery('archive', { type: 's3', offset: 3 });
  const { id } = filled.organization;
  await filled.run(`INSERT INTO ledger.coverage VALUES ($1, -5, 7)`, [id]);
  await filled.run(
    `INSERT INTO ledger.stretches VALUES ($1, 7, 9, NULL), ($1, 9, 11, '"quoted" \\ {text},')`,
    [id],
  );
  await filled.run(
    `INSERT INTO ledger.demands (id, organization, from_time, to_time, requested_by)
     VALUES (gen_random_uuid(), $1, 1, 2, 'somebody')`,
    [id],
  );
  await filled.run(
    `INSERT INTO ledger.changed_entries VALUES ($1, gen_random_uuid(), '\\x00ff', 1, '\\x', E'raw\\n\\u0041', now())`,
    [id],
  );
  await filled.run(
    `INSERT INTO ledger.objects VALUES ($1, 'archive', 1, 3, 'k', 3, 9, '\\x01', now(), now(), '\\x02', 4),
       ($1, 'archive', 4, 5, 'l', 2, 9, '\\x01', now(), NULL, NULL, NULL)`,
    [id],
  );
  await filled.run(`INSERT INTO ledger.object_evidence VALUES ($1, 'archive', 1, '\\x05', 1, 3, 'a', 'c')`, [
    id,
  ]);
  await filled.run(
    `INSERT INTO ledger.digests VALUES ($1, 'archive', 1, 'hourly', 'd', '\\x06', NULL, 3, 1, 3, '\\x07', NULL, NULL, now(), now()),
       ($1, 'archive', 2, 'daily', 'e', '\\x08', '\\x7b7d0a', 3, 1, 3, '\\x07', 'k1', 'k2', now(), NULL)`,
    [id],
  );
  await filled.run(`INSERT INTO ledger.digest_journal VALUES ($1, 'archive', gen_random_uuid(), 1)`, [id]);
  await filled.run(
    `INSERT INTO ledger.digest_changes VALUES ($1, 'archive', gen_random_uuid(), '\\x00', 1)`,
    [id],
  );
  await filled.run(`INSERT INTO ledger.parked_entries VALUES ($1, 'archive', 2, 'c', 'NULL', now())`, [id]);
}

describe('copying a store', () => {
  it('copies every row of every table, keeps the ledger’s id and leaves the source as it was', async () => {
    await fillEveryTable();
    const before = await contents(filled.database);
    expect(Object.values(before).every((rows) => rows.length > 0)).toBe(true);
    const copied = await copyStore(filled.ledger, { target, signal });
    expect(copied.heads).toEqual([{ organization: 'acme', head: 4500 }]);
    expect(copied.tables).toContainEqual({ table: 'ledger_rows', rows: 4500 });

    const ledger = await openLedger({
      database: target,
      schema: filledSchema,
      migrate: false,
      leaseMs: 30_000,
      logger: silentLogger,
    });
    expect(ledger.ledgerId).toBe(filled.ledger.ledgerId);
    expect((await readSegmentFrom(ledger, filled.organization.id, 4321))?.entries[0]?.raw.toString()).toBe(
      rawOf(4321),
    );
    const [there, here] = [await contents(target), await contents(filled.database)];
    for (const [table, rows] of Object.entries(before)) {
      const isTold = table === 'journal_entries' ? 1 : 0;
      expect(there[table]).toHaveLength(rows.length + isTold);
      // Taking the leases for the copying raised their epochs.
      if (table === 'organizations' || table === 'deliveries') continue;
      expect(there[table]).toEqual(expect.arrayContaining([...rows]));
      expect(here[table]).toEqual(expect.arrayContaining([...rows]));
    }
    const lease = await leaseOf(ledger, { work: 'read', organization: filled.organization.id });
    await lease.release();
  });

  it('copies an organization’s and a delivery’s row but for the leases', async () => {
    await fillEveryTable();
    await copyStore(filled.ledger, { target, signal });
    for (const table of ['organizations', 'deliveries']) {
      const sql = `SELECT CAST(t AS text) AS row FROM ledger.${table} t ORDER BY 1`;
      expect((await withSchema(target, filledSchema).query(sql)).rows).toEqual(await filled.run(sql));
    }
  });

  it('refuses a schema that is not empty', async () => {
    await target.query(`CREATE SCHEMA ${filledSchema}`);
    await target.query(`CREATE TABLE ${filledSchema}.something (n int8)`);
    expect(await rejectionOf(copyStore(filled.ledger, { target, signal }))).toMatchObject({
      code: 'target_not_empty',
    });
    expect(await readTables(target, filledSchema)).toHaveLength(1);
  });

  it('refuses to copy onto itself', async () => {
    expect(await rejectionOf(copyStore(filled.ledger, { target: filled.database, signal }))).toMatchObject({
      code: 'target_not_empty',
    });
  });

  it('is refused while anybody works on the store, and touches nothing then', async () => {
    await filled.addDelivery('warehouse');
    const other = await anotherLedger(filled);
    const lease = await leaseOf(other, {
      work: 'deliver',
      organization: filled.organization.id,
      sink: 'warehouse',
    });
    const refusal = await rejectionOf(copyStore(filled.ledger, { target, signal }));
    expect(refusal).toMatchObject({ kind: 'held' });
    expect(refusal.message).toContain(other.actor);
    expect(await readTables(target, filledSchema)).toEqual([]);
    await lease.release();
    await copyStore(filled.ledger, { target, signal });
  });

  it('leaves a target that no program takes for a store when it is interrupted', async () => {
    await filled.fill(10);
    const stop = new AbortController();
    const onProgress = (): void => stop.abort();
    await rejectionOf(copyStore(filled.ledger, { target, signal: stop.signal, onProgress }));
    const options = { database: target, schema: filledSchema, leaseMs: 1000, logger: silentLogger };
    expect(await rejectionOf(openLedger({ ...options, migrate: true }))).toMatchObject({
      code: 'store_incompatible',
    });
    expect(await rejectionOf(copyStore(filled.ledger, { target, signal }))).toMatchObject({
      code: 'target_not_empty',
    });
    await target.query(`DROP SCHEMA ${filledSchema} CASCADE`);
    await copyStore(filled.ledger, { target, signal });
  });

  it('notices what was written while it copied', async () => {
    await filled.fill(10);
    let writing: Promise<unknown> | undefined;
    const onProgress = ({ table }: { readonly table: string }): void => {
      if (table === 'segments') writing ??= filled.run(`INSERT INTO ledger.coverage VALUES (99, 1, 2)`);
    };
    const { database } = filled.ledger;
    const query: Database['query'] = async (...statement) => {
      // The copying goes on when it is written.
      await writing;
      return await database.query(...statement);
    };
    const ledger = { ...filled.ledger, database: { ...database, query } };
    const refusal = await rejectionOf(copyStore(ledger, { target, signal, onProgress }));
    expect(writing).toBeDefined();
    expect(refusal).toMatchObject({ code: 'copy_differs' });
  });
});
