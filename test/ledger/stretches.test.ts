import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append } from '../../src/ledger/append.ts';
import { beginningOfTime, endOfTime, type Interval } from '../../src/ledger/coverage.ts';
import type { Lease } from '../../src/ledger/leases.ts';
import { findOrganization } from '../../src/ledger/organizations.ts';
import {
  demandCoverage,
  demandHead,
  finishDemand,
  finishRescan,
  finishStretch,
  fixBoundary,
  isAwaitedBeyond,
  leaveDemand,
  openDemands,
  readCoverage,
  readStretches,
} from '../../src/ledger/stretches.ts';
import { nanos, type Nanos } from '../../src/time.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import {
  createTestLedger,
  readLease,
  testDay,
  testEntries,
  type TestLedger,
} from '../helpers/test-ledger.ts';

let test: TestLedger;
let lease: Lease;

beforeEach(async () => {
  test = await createTestLedger();
  lease = await readLease(test.ledger, test.organization);
});

afterEach(async () => {
  await lease.release();
  await test.close();
});

const minuteMs = 60_000;

/** Hours after the beginning of the test's day. */
function hour(count: number): Nanos {
  return nanos(testDay + BigInt(count) * 3_600_000_000_000n);
}

function interval(from: number, to: number): Interval {
  return { from: hour(from), to: hour(to) };
}

async function stretches(): Promise<Interval[]> {
  const all = await readStretches(test.ledger, test.organization.id);
  return all.map(({ from, to }) => ({ from, to }));
}

async function coverage(): Promise<Interval[]> {
  return await readCoverage(test.ledger, test.organization.id);
}

describe('first contact', () => {
  it('fixes where the tail begins, once and for all', async () => {
    const clock = { serverDate: hour(12), overlapMs: 15 * minuteMs };
    expect(await fixBoundary(test.ledger, lease, clock)).toBe(nanos(hour(12) - 900_000_000_000n));
    await fixBoundary(test.ledger, lease, { serverDate: hour(20), overlapMs: 0 });
    expect(await findOrganization(test.ledger, 'acme')).toMatchObject({
      boundary: hour(12) - 900_000_000_000n,
      tailCoveredTo: hour(12) - 900_000_000_000n,
      rescanStartedAt: hour(12),
      serverDate: hour(12),
    });
  });

  it.each([/^UPDATE .*lease_until/s, /SET boundary/, /^COMMIT/])(
    'happens whole or not at all: %s',
    async (at) => {
      test.faults.failBefore(at, 'ECONNRESET');
      await rejectionOf(fixBoundary(test.ledger, lease, { serverDate: hour(12), overlapMs: 0 }));
      expect((await findOrganization(test.ledger, 'acme'))?.boundary).toBeUndefined();
      expect(await fixBoundary(test.ledger, lease, { serverDate: hour(13), overlapMs: 0 })).toBe(hour(13));
    },
  );
});

describe('a demand', () => {
  beforeEach(async () => {
    await fixBoundary(test.ledger, lease, { serverDate: hour(12), overlapMs: 0 });
  });

  it('becomes stretches where nothing is covered or being read, up to the tail', async () => {
    expect(await demandCoverage(test.ledger, lease, interval(2, 4))).toBe(1);
    await finishStretch(test.ledger, lease, interval(2, 4));
    expect(await demandCoverage(test.ledger, lease, interval(6, 8))).toBe(1);
    expect(await demandCoverage(test.ledger, lease, { from: beginningOfTime, to: endOfTime })).toBe(3);
    expect(await stretches()).toEqual([
      { from: beginningOfTime, to: hour(2) },
      interval(4, 6),
      interval(6, 8),
      interval(8, 12),
    ]);
    expect(await demandCoverage(test.ledger, lease, { from: beginningOfTime, to: endOfTime })).toBe(0);
  });

  it('asks for nothing in the tail’s time, nor of an empty interval', async () => {
    expect(await demandCoverage(test.ledger, lease, interval(12, 20))).toBe(0);
    expect(await demandCoverage(test.ledger, lease, interval(5, 5))).toBe(0);
    expect(await demandCoverage(test.ledger, lease, interval(7, 6))).toBe(0);
  });

  it('keeps a checkpoint over demands that touch it', async () => {
    await demandCoverage(test.ledger, lease, interval(2, 6));
    const move = { kind: 'stretch', from: hour(2), checkpoint: 'anything, verbatim' } as const;
    await append(test.ledger, lease, { entries: testEntries(1, 1), move });
    await demandCoverage(test.ledger, lease, interval(0, 8));
    const all = await readStretches(test.ledger, test.organization.id);
    expect(all.map(({ checkpoint }) => checkpoint)).toEqual([undefined, 'anything, verbatim', undefined]);
  });

  it('that is read becomes coverage, merged with its neighbours, once', async () => {
    await demandCoverage(test.ledger, lease, interval(0, 2));
    await demandCoverage(test.ledger, lease, interval(4, 6));
    await demandCoverage(test.ledger, lease, interval(0, 6));
    for (const part of [interval(0, 2), interval(4, 6)]) await finishStretch(test.ledger, lease, part);
    expect(await coverage()).toEqual([interval(0, 2), interval(4, 6)]);
    await finishStretch(test.ledger, lease, interval(2, 4));
    await finishStretch(test.ledger, lease, interval(2, 4));
    expect(await coverage()).toEqual([interval(0, 6)]);
    expect(await test.rows(`SELECT 1 FROM ledger.journal WHERE what = 'stretch_finished'`)).toHaveLength(3);
  });

  it('of a backfill is found by the lease’s holder, and its head is what sinks must reach', async () => {
    const other = await test.connect();
    const id = await leaveDemand(other.ledger, test.organization.id, interval(1, 3));
    const [demand] = await openDemands(test.ledger, test.organization.id);
    expect(demand).toMatchObject({ id, ...interval(1, 3) });
    await append(test.ledger, lease, { entries: testEntries(1, 7), move: { kind: 'none' } });
    expect(await demandHead(other.ledger, id)).toBeUndefined();
    if (demand !== undefined) await finishDemand(test.ledger, lease, demand);
    expect(await demandHead(other.ledger, id)).toBe(7);
    expect(await openDemands(test.ledger, test.organization.id)).toEqual([]);
    expect(await isAwaitedBeyond(test.ledger, test.organization.id, 6)).toBe(true);
    expect(await isAwaitedBeyond(test.ledger, test.organization.id, 7)).toBe(false);
  });
});

describe('a process whose lease was taken over', () => {
  it('changes nothing of what is to be read', async () => {
    await fixBoundary(test.ledger, lease, { serverDate: hour(12), overlapMs: 0 });
    await demandCoverage(test.ledger, lease, interval(1, 3));
    const id = await leaveDemand(test.ledger, test.organization.id, interval(1, 3));
    await test.rows('UPDATE ledger.organizations SET lease_epoch = lease_epoch + 1');
    const demand = { id, organization: test.organization.id, ...interval(1, 3) };
    const changes: (() => Promise<unknown>)[] = [
      () => demandCoverage(test.ledger, lease, interval(5, 6)),
      () => finishStretch(test.ledger, lease, interval(1, 3)),
      () => finishRescan(test.ledger, lease, hour(13)),
      () => finishDemand(test.ledger, lease, demand),
    ];
    for (const change of changes) expect(await rejectionOf(change())).toMatchObject({ code: 'lease_lost' });
    expect(await stretches()).toEqual([interval(1, 3)]);
    expect(await coverage()).toEqual([]);
    expect(await demandHead(test.ledger, id)).toBeUndefined();
    expect((await findOrganization(test.ledger, 'acme'))?.rescanStartedAt).toBe(hour(12));
  });
});
