/** Rows by time without an index: every row of an interval, once, whatever order they came in. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { append } from '../../src/ledger/append.ts';
import { readTimeBlocks, rowsOfTime } from '../../src/ledger/rows-by-time.ts';
import { nanos } from '../../src/time.ts';
import { createTestLedger, readLease, testDay, testEntry, type TestLedger } from '../helpers/test-ledger.ts';

let test: TestLedger;

beforeEach(async () => {
  test = await createTestLedger();
});

afterEach(() => test.close());

function second(number: number): ReturnType<typeof nanos> {
  return nanos(testDay + BigInt(number) * 1_000_000_000n);
}

it('gives every row of an interval in the order of sequences, over blocks, with late ones among them', async () => {
  const lease = await readLease(test.ledger, test.organization);
  const count = 9000;
  // Every hundredth came late by hours: its time lies far before its neighbours'.
  const timeOf = (number: number): number => (number % 100 === 0 ? number - 4000 : number);
  const entries = Array.from({ length: count }, (_, index) =>
    testEntry(index + 1, { second: timeOf(index + 1) }),
  );
  await append(test.ledger, lease, { entries, move: { kind: 'none' } });
  const { id } = test.organization;
  const interval = { from: second(1000), to: second(5000) };
  const blocks = await readTimeBlocks(test.ledger, id, interval);
  await append(test.ledger, lease, {
    entries: [testEntry(count + 1, { second: 2000 })],
    move: { kind: 'none' },
  });
  await lease.release();

  const expected = entries
    .map((_, index) => index + 1)
    .filter((number) => timeOf(number) >= 1000 && timeOf(number) < 5000);
  const found: number[] = [];
  for await (const rows of rowsOfTime(test.ledger, blocks, interval))
    found.push(...rows.map(({ sequence }) => sequence));
  expect(found).toEqual(expected);
  expect(blocks.head).toBe(count);

  const halves: number[] = [];
  for (const part of [
    { from: interval.from, to: second(3000) },
    { from: second(3000), to: interval.to },
  ]) {
    for await (const rows of rowsOfTime(test.ledger, blocks, part))
      halves.push(...rows.map(({ sequence }) => sequence));
  }
  expect(halves.toSorted((one, other) => one - other)).toEqual(expected);
});

it('reads no block that holds nothing of the interval', async () => {
  const lease = await readLease(test.ledger, test.organization);
  const entries = Array.from({ length: 9000 }, (_, index) => testEntry(index + 1));
  await append(test.ledger, lease, { entries, move: { kind: 'none' } });
  await lease.release();
  const interval = { from: second(8500), to: second(8600) };
  const { blocks } = await readTimeBlocks(test.ledger, test.organization.id, interval);
  expect(blocks.map(({ first, last }) => [first, last])).toEqual([[8192, 9000]]);
});
