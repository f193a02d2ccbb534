import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append } from '../../src/ledger/append.ts';
import { readSegmentFrom } from '../../src/ledger/segments.ts';
import { nanos } from '../../src/time.ts';
import { exoticEntries } from '../helpers/exotic-entries.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import {
  createTestLedger,
  rawEntry,
  readLease,
  testEntries,
  type TestLedger,
} from '../helpers/test-ledger.ts';
import type { NewEntry } from '../../src/ledger/prepared-entries.ts';

let test: TestLedger;

beforeEach(async () => {
  test = await createTestLedger();
});

afterEach(async () => {
  await test.close();
});

async function fill(entries: readonly NewEntry[]): Promise<void> {
  const lease = await readLease(test.ledger, test.organization);
  await append(test.ledger, lease, { entries, move: { kind: 'none' } });
  await lease.release();
}

describe('a segment', () => {
  it('gives back every line byte for byte, with its hash and time', async () => {
    const entries = exoticEntries().map(({ id, raw }, index) =>
      rawEntry(raw.toString('utf8'), {
        id,
        createdAt: nanos(BigInt(index - 20) * 123_456_789_012_345_678n),
      }),
    );
    await fill(entries);
    const segment = await readSegmentFrom(test.ledger, test.organization.id, 1);
    expect(segment?.entries.length).toBe(entries.length);
    for (const [index, entry] of entries.entries()) {
      const read = segment?.entries[index];
      expect(read?.raw.equals(entry.raw)).toBe(true);
      expect(read).toMatchObject({
        sequence: index + 1,
        createdAt: entry.createdAt,
        sha256: entry.lineSha256,
      });
    }
  });

  it('is read from any of its sequences on, and nothing comes after the last', async () => {
    await fill(testEntries(1, 3));
    await fill(testEntries(4, 2));
    const read = async (from: number): Promise<number[] | undefined> =>
      (await readSegmentFrom(test.ledger, test.organization.id, from))?.entries.map(
        ({ sequence }) => sequence,
      );
    expect(await Promise.all([1, 2, 3, 4, 5, 6].map(read))).toEqual([
      [1, 2, 3],
      [2, 3],
      [3],
      [4, 5],
      [5],
      undefined,
    ]);
  });

  it('that was pruned is missed in a sentence', async () => {
    await fill(testEntries(1, 3));
    await fill(testEntries(4, 2));
    await test.rows('DELETE FROM ledger.segments WHERE first_sequence = 1');
    const error = await rejectionOf(readSegmentFrom(test.ledger, test.organization.id, 2));
    expect(error).toMatchObject({ kind: 'store', code: 'segment_missing' });
  });

  it.each([
    ['cut lines', `lines = substring(lines from 1 for length(lines) - 5)`],
    [
      'a flipped byte',
      `lines = set_byte(lines, length(lines) / 2, 255 - get_byte(lines, length(lines) / 2))`,
    ],
    ['no lines at all', `lines = ''`],
    ['fewer times', `created_at = substring(created_at from 1 for 16)`],
    ['more times', `created_at = created_at || created_at`],
    ['times cut inside one', `created_at = substring(created_at from 1 for 23)`],
    ['another last sequence', `last_sequence = 4`],
  ])('with %s is damaged, and nothing of it is given', async (_, change) => {
    await fill(testEntries(1, 3));
    await test.rows(`UPDATE ledger.segments SET ${change}`);
    const error = await rejectionOf(readSegmentFrom(test.ledger, test.organization.id, 1));
    expect(error).toMatchObject({ kind: 'store', code: 'segment_damaged', retryable: false });
    expect(error.message).toContain('sequence 1');
  });
});
