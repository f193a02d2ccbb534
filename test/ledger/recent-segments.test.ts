import { array, assert, integer, property } from 'fast-check';
import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createFollower, RecentSegments, type AppendedEntries } from '../../src/ledger/recent-segments.ts';
import type { PageEntry } from '../../src/reader/page-entries.ts';
import { nanos } from '../../src/time.ts';
import { newEntry } from '../helpers/new-entry.ts';

function entriesOf(lengths: readonly number[]): PageEntry[] {
  return lengths.map((length, place) => entryOf(Buffer.alloc(length, `${place}`), place));
}

function entryOf(raw: Buffer, place: number): PageEntry {
  return newEntry({ key: `entry-${place}`, raw, createdAt: nanos(BigInt(place)) });
}

function appendOf(
  entries: AppendedEntries['entries'],
  place: { readonly organization: number; readonly firstSequence: number },
): AppendedEntries {
  return { ...place, entries, pieces: [] };
}

describe('what was appended last', () => {
  it('gives just what was appended at every sequence it still holds, and never holds more than it may', () => {
    const appends = array(array(integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }), {
      maxLength: 20,
    });
    assert(
      property(appends, integer({ min: 1, max: 200 }), (all, bytesMax) => {
        const recent = new RecentSegments(bytesMax);
        const raws: Buffer[] = [];
        for (const lengths of all) {
          const entries = entriesOf(lengths);
          recent.keep(appendOf(entries, { organization: 1, firstSequence: raws.length + 1 }));
          raws.push(...entries.map(({ raw }) => raw));
        }
        let held = 0;
        for (const [place, raw] of raws.entries()) {
          const segment = recent.from(1, place + 1);
          if (segment === undefined) continue;
          held += raw.length;
          expect(segment.firstSequence).toBeLessThanOrEqual(place + 1);
          expect(segment.entries.map(({ sequence }) => sequence)).toEqual(
            segment.entries.map((_, index) => place + 1 + index),
          );
          expect(segment.entries.at(-1)?.sequence).toBe(segment.lastSequence);
          for (const entry of segment.entries) {
            expect(entry.raw).toEqual(raws[entry.sequence - 1]);
            expect(entry.sha256).toEqual(hash('sha256', entry.raw, 'buffer'));
          }
        }
        expect(held).toBeLessThanOrEqual(bytesMax);
      }),
    );
  });

  it('holds on to nothing but its own bytes, where an entry was a part of a whole page', () => {
    const recent = new RecentSegments();
    const page = Buffer.alloc(1024 * 1024, '{}');
    recent.keep(appendOf([entryOf(page.subarray(100, 300), 1)], { organization: 1, firstSequence: 1 }));
    const held = recent.from(1, 1)?.entries[0]?.raw;
    expect(held?.toString()).toBe('{}'.repeat(100));
    expect(held?.buffer.byteLength).toBe(201);
  });

  it('holds a whole page as it is where its entries are all that is new', () => {
    const recent = new RecentSegments();
    const page = Buffer.alloc(100 * 1001, `${'x'.repeat(1000)}\n`);
    const entries = Array.from({ length: 100 }, (_, index) =>
      entryOf(page.subarray(index * 1001, index * 1001 + 1000), index),
    );
    recent.keep(appendOf(entries, { organization: 1, firstSequence: 1 }));
    const held = recent.from(1, 1)?.entries ?? [];
    expect(held.map(({ raw }) => raw)).toEqual(entries.map(({ raw }) => raw));
    expect(held.every(({ raw }) => raw.buffer === page.buffer)).toBe(true);
  });

  it('counts the memory that is held, not the text alone', () => {
    const recent = new RecentSegments(110_000);
    const page = Buffer.alloc(120_000, 'x');
    recent.keep(appendOf([entryOf(page.subarray(0, 100_000), 1)], { organization: 1, firstSequence: 1 }));
    expect(recent.from(1, 1)).toBeUndefined();
  });

  it('keeps organizations apart and knows nothing before the oldest or behind the newest', () => {
    const recent = new RecentSegments(13);
    recent.keep(appendOf(entriesOf([4, 4]), { organization: 1, firstSequence: 5 }));
    recent.keep(appendOf(entriesOf([2]), { organization: 2, firstSequence: 1 }));
    expect(recent.from(1, 4)).toBeUndefined();
    expect(recent.from(1, 6)?.entries).toHaveLength(1);
    expect(recent.from(1, 7)).toBeUndefined();
    expect(recent.from(2, 1)?.entries).toHaveLength(1);
    expect(recent.from(2, 5)).toBeUndefined();
  });
});

describe('an append that would leave a sink behind', () => {
  const first = { organization: 1, firstSequence: 1 };

  it('waits until a close one has moved on', async () => {
    const recent = new RecentSegments(10);
    const follower = createFollower(1);
    await recent.followed(follower, async () => {
      recent.keep(appendOf(entriesOf([4, 4]), first));
      Object.assign(follower, { next: 2, isClose: true });
      let hasRoom = false;
      const waiting = recent.makeRoom(1, 5).then(() => (hasRoom = true));
      await delay(50);
      expect(hasRoom).toBe(false);
      follower.next = 3;
      await waiting;
    });
  });

  it('does not wait for a slow one where another one is further', async () => {
    const recent = new RecentSegments(10);
    recent.keep(appendOf(entriesOf([4, 4]), first));
    const [slow, quick] = [createFollower(1), createFollower(1)];
    await recent.followed(slow, () =>
      recent.followed(quick, async () => {
        Object.assign(slow, { next: 1, isClose: true });
        Object.assign(quick, { next: 3, isClose: true });
        await recent.makeRoom(1, 5);
        expect(slow.isClose).toBe(true);
      }),
    );
  });

  it('waits for one that does not move only once, and not for those of others, far behind or gone', async () => {
    const recent = new RecentSegments(10);
    recent.keep(appendOf(entriesOf([4, 4]), first));
    const follower = createFollower(1);
    const waitedMs = async (organization: number): Promise<number> => {
      const started = performance.now();
      await recent.makeRoom(organization, 5);
      return performance.now() - started;
    };
    await recent.followed(follower, async () => {
      expect(await waitedMs(1)).toBeLessThan(500);
      Object.assign(follower, { next: 1, isClose: true });
      expect(await waitedMs(2)).toBeLessThan(500);
      expect(await waitedMs(1)).toBeGreaterThan(900);
      expect(follower.isClose).toBe(false);
      expect(await waitedMs(1)).toBeLessThan(500);
      follower.isClose = true;
    });
    expect(await waitedMs(1)).toBeLessThan(500);
  });
});
