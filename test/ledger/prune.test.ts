import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pruneSegments, type PruneResult } from '../../src/ledger/prune.ts';
import { readSegmentFrom } from '../../src/ledger/segments.ts';
import { createFilledLedger, leaseOf, type FilledLedger } from '../helpers/filled-ledger.ts';
import { rejectionOf } from '../helpers/rejection.ts';

let filled: FilledLedger;

beforeEach(async () => {
  filled = await createFilledLedger();
});

afterEach(async () => {
  await filled.close();
});

async function makeOld(lastSequence: number): Promise<void> {
  await filled.run(
    `UPDATE ledger.segments SET appended_at = now() - interval '10 days' WHERE last_sequence <= $1`,
    [lastSequence],
  );
}

/** An archive that holds the sequences in confirmed objects of the given ranges. */
async function archive(ranges: readonly (readonly [first: number, last: number])[]): Promise<void> {
  await filled.addDelivery('archive', { type: 's3', offset: ranges.at(-1)?.[1] ?? 0 });
  for (const [first, last] of ranges) {
    await filled.run(
      `INSERT INTO ledger.objects (organization, sink, first_sequence, last_sequence, key, entries, raw_bytes,
         content_sha256, confirmed_at) VALUES ($1, 'archive', $2, $3, 'an object', 1, 1, '\\x00', now())`,
      [filled.organization.id, first, last],
    );
  }
}

async function park(sequence: number): Promise<void> {
  await filled.run(
    `INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason) VALUES ($1, 'archive', $2, 'c', 'r')`,
    [filled.organization.id, sequence],
  );
}

async function prune(): Promise<PruneResult> {
  const { ledger, organization } = filled;
  const lease = await leaseOf(ledger, { work: 'read', organization: organization.id });
  const result = await pruneSegments(ledger, lease, {
    organization: organization.id,
    retentionMs: 24 * 3_600_000,
  });
  await lease.release();
  return result;
}

async function kept(): Promise<number[]> {
  const rows = await filled.run('SELECT first_sequence FROM ledger.segments ORDER BY 1');
  return rows.map((row) => Number(Object.values(row)[0]));
}

describe('retention', () => {
  it('deletes old segments that an archive holds whole and keeps ids and hashes', async () => {
    for (let segment = 0; segment < 4; segment += 1) await filled.fill(10);
    await makeOld(30);
    await archive([
      [1, 7],
      [8, 33],
    ]);
    expect(await prune()).toEqual({ segments: 3, entries: 30 });
    expect(await kept()).toEqual([31]);
    expect(await filled.run('SELECT count(*) AS rows FROM ledger.ledger_rows')).toEqual([{ rows: '40' }]);
    expect(await filled.run(`SELECT detail FROM ledger.journal WHERE what = 'pruned'`)).toEqual([
      { detail: '{"ranges":[{"first":1,"last":30}],"segments":3}' },
    ]);
    expect(await prune()).toEqual({ segments: 0, entries: 0 });
  });

  it('keeps what is younger than the retention', async () => {
    for (let segment = 0; segment < 3; segment += 1) await filled.fill(10);
    await makeOld(10);
    await archive([[1, 30]]);
    expect(await prune()).toEqual({ segments: 1, entries: 10 });
    expect(await kept()).toEqual([11, 21]);
  });

  it('waits for the slowest sink and names it, and keeps the segment in which its offset lies', async () => {
    for (let segment = 0; segment < 4; segment += 1) await filled.fill(10);
    await makeOld(40);
    await archive([[1, 40]]);
    await filled.addDelivery('warehouse', { offset: 20 });
    expect(await prune()).toEqual({
      segments: 1,
      entries: 10,
      heldBackBy: 'the sink "warehouse" has not yet got past sequences 11 to 20',
    });
    expect(await kept()).toEqual([11, 21, 31]);
    await filled.run(`UPDATE ledger.deliveries SET retired_at = now() WHERE sink = 'warehouse'`);
    expect(await prune()).toEqual({ segments: 2, entries: 20 });
  });

  it('deletes nothing that no archive holds whole', async () => {
    for (let segment = 0; segment < 3; segment += 1) await filled.fill(10);
    await makeOld(30);
    await filled.addDelivery('warehouse', { offset: 30 });
    expect(await prune()).toEqual({
      segments: 0,
      entries: 0,
      heldBackBy: 'no archive sink holds sequences 1 to 10',
    });
    await archive([
      [1, 9],
      [11, 30],
    ]);
    expect(await prune()).toMatchObject({ segments: 1, entries: 10 });
    expect(await kept()).toEqual([1, 21]);
  });

  it('does not count objects that are only planned, nor those of a retired archive', async () => {
    for (let segment = 0; segment < 2; segment += 1) await filled.fill(10);
    await makeOld(20);
    await archive([[1, 20]]);
    await filled.run('UPDATE ledger.objects SET confirmed_at = NULL');
    expect(await prune()).toMatchObject({ segments: 0 });
    await filled.run('UPDATE ledger.objects SET confirmed_at = now()');
    await filled.run('UPDATE ledger.deliveries SET retired_at = now()');
    expect(await prune()).toMatchObject({ segments: 0 });
  });

  it('never deletes the text of a parked entry, and later reading does not stop at it', async () => {
    for (let segment = 0; segment < 4; segment += 1) await filled.fill(10);
    await makeOld(40);
    await archive([[1, 40]]);
    await park(5);
    expect(await prune()).toEqual({
      segments: 2,
      entries: 20,
      heldBackBy: 'an entry of sequences 1 to 10 is parked',
    });
    expect(await kept()).toEqual([1, 31]);
    const { ledger, organization } = filled;
    expect((await readSegmentFrom(ledger, organization.id, 5))?.entries[0]?.sequence).toBe(5);
    expect(await rejectionOf(readSegmentFrom(ledger, organization.id, 15))).toMatchObject({
      code: 'segment_missing',
    });
    expect((await readSegmentFrom(ledger, organization.id, 40))?.entries).toHaveLength(1);
    expect(await readSegmentFrom(ledger, organization.id, 41)).toBeUndefined();
  });

  it('goes through more segments than one commit deletes', async () => {
    for (let segment = 0; segment < 120; segment += 1) await filled.fill(1);
    await makeOld(120);
    await archive([[1, 120]]);
    await park(60);
    expect(await prune()).toMatchObject({ segments: 118, entries: 118 });
    expect(await kept()).toEqual([60, 120]);
  });

  it('deletes nothing under a lease that was lost', async () => {
    for (let segment = 0; segment < 2; segment += 1) await filled.fill(10);
    await makeOld(20);
    await archive([[1, 20]]);
    const { ledger, organization } = filled;
    const lease = await leaseOf(ledger, { work: 'read', organization: organization.id });
    await filled.run('UPDATE ledger.organizations SET lease_epoch = lease_epoch + 1');
    const options = { organization: organization.id, retentionMs: 1000 };
    expect(await rejectionOf(pruneSegments(ledger, lease, options))).toMatchObject({ code: 'lease_lost' });
    expect(await kept()).toEqual([1, 11]);
    await lease.release();
  });
});
