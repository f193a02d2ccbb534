import { hash } from 'node:crypto';
import { array, assert, asyncProperty, boolean, integer, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packEntries } from '../../src/archive/archive-content.ts';
import { merkleRoot } from '../../src/archive/digest/merkle.ts';
import { CollectedEntries } from '../../src/delivery/collected-entries.ts';
import type { CollectedEntry } from '../../src/delivery/packed-entry.ts';
import { deflatePiece, inflatePiece, type PackedLines } from '../../src/gzip-pieces.ts';
import { LedgerEntry } from '../../src/ledger/ledger-entry.ts';
import { LineHashes } from '../../src/ledger/line-hashes.ts';
import { nanos } from '../../src/time.ts';
import { sideBySide } from '../helpers/side-by-side.ts';

const { signal } = new AbortController();
const mebibyte = 1024 * 1024;

/** As a segment has them: side by side in one text. */
function segment(first: number, count: number, bytes: number): LedgerEntry[] {
  const lines = Array.from({ length: count }, (_, index) => ({
    raw: Buffer.from(`{"id":"entry-${first + index}","text":"${'x'.repeat((bytes * (index % 7)) / 3)}"}`),
    createdAt: nanos(BigInt(first + index)),
  }));
  const hashes = new LineHashes(count);
  return sideBySide(lines).map((line, index) => {
    hashes.set(index, hash('sha256', line.raw, 'buffer'));
    return new LedgerEntry(first + index, line, { hashes, index });
  });
}

const linesOf = (entries: readonly Pick<CollectedEntry, 'raw'>[]): Buffer =>
  Buffer.concat(entries.flatMap(({ raw }) => [raw, Buffer.from('\n')]));

async function piece(entries: readonly LedgerEntry[]): Promise<PackedLines> {
  const packed = await deflatePiece(linesOf(entries), 1);
  return { ...packed, firstSequence: entries[0]?.sequence ?? 0, entries: entries.length };
}

/** What of an entry anybody may ask for. */
const seen = ({ sequence, createdAt, raw, rawBytes, sha256, id }: CollectedEntry): object => ({
  sequence,
  createdAt,
  raw: raw.toString(),
  rawBytes,
  sha256: sha256.toString('hex'),
  id,
});

describe('collected entries', () => {
  it('are what was added, with their sums, however much of their text is packed meanwhile', async () => {
    const part = record({
      count: integer({ min: 1, max: 300 }),
      bytes: integer({ min: 0, max: 20_000 }),
      isPacked: boolean(),
      from: integer({ min: 0, max: 50 }),
    });
    await assert(
      asyncProperty(array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
        const collected = new CollectedEntries();
        const all: LedgerEntry[] = [];
        const packed: PackedLines[] = [];
        for (const { count, bytes, isPacked, from } of parts) {
          const entries = segment(all.length + 1, count, bytes);
          const some = entries.slice(from);
          if (isPacked && some.length > 0) packed.push(await piece(some));
          for (const entry of entries) collected.add(entry);
          all.push(...entries);
          await collected.packLong(packed, { signal });
        }
        const object = collected.finish(packed);
        expect(collected.length).toBe(all.length);
        expect(object.entries.map(seen)).toEqual(all.map(seen));
        expect(object.rawBytes).toBe(all.reduce((sum, { raw }) => sum + raw.length, 0));
        expect(object.contentSha256.equals(hash('sha256', linesOf(all), 'buffer'))).toBe(true);
        expect(object.evidence()).toEqual({
          merkleRoot: merkleRoot(all.map(({ sha256 }) => sha256)),
          firstCreatedAt: all[0]?.createdAt,
          lastCreatedAt: all.at(-1)?.createdAt,
          firstId: all[0]?.id,
          lastId: all.at(-1)?.id,
        });
        let end = 0;
        for (const lines of object.packed) {
          const first = lines.firstSequence - 1;
          expect(first).toBeGreaterThanOrEqual(end);
          end = first + lines.entries;
          expect(inflatePiece(lines).equals(linesOf(all.slice(first, end)))).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('hold no more text than a segment and two mebibytes, and unpack a piece at a time', async () => {
    const collected = new CollectedEntries();
    const added: LedgerEntry[] = [];
    for (let first = 1; first <= 4000; first += 1000) {
      const entries = segment(first, 1000, 1400);
      added.push(...entries);
      for (const entry of entries) collected.add(entry);
      await collected.packLong([], { signal });
    }
    const { entries, packed, rawBytes } = collected.finish();
    expect(rawBytes).toBeGreaterThan(5 * mebibyte);
    const theirs = new Set(added.map(({ raw }) => raw.buffer));
    const text = entries.filter(({ raw }) => theirs.has(raw.buffer));
    expect(text.reduce((sum, entry) => sum + entry.rawBytes, 0)).toBeLessThan(2 * mebibyte);
    expect(packed.reduce((sum, { deflated }) => sum + deflated.length, 0)).toBeLessThan(rawBytes / 10);
    const [one, two] = entries;
    expect(one?.raw.buffer).toBe(two?.raw.buffer);
  });

  it('are as they were after packing was broken off', async () => {
    const collected = new CollectedEntries();
    const entries = [...segment(1, 1500, 1000), ...segment(1501, 1500, 1000)];
    for (const entry of entries) collected.add(entry);
    // Once at its beginning, and once when a piece is packed.
    for (const looks of [0, 1]) {
      const stopping = new AbortController();
      let left = looks;
      const throwIfAborted = (): void => {
        if (left === 0) stopping.abort(new Error('the lease is lost'));
        left -= 1;
        stopping.signal.throwIfAborted();
      };
      const stopped = new Proxy(stopping.signal, {
        get: (of, name) => (name === 'throwIfAborted' ? throwIfAborted : Reflect.get(of, name)),
      });
      await expect(collected.packLong([], { signal: stopped })).rejects.toThrow('the lease is lost');
    }
    await collected.packLong([], { signal });
    const object = collected.finish();
    expect(object.entries.map(seen)).toEqual(entries.map(seen));
    expect(object.contentSha256.equals(hash('sha256', linesOf(entries), 'buffer'))).toBe(true);
    expect(object.evidence().merkleRoot).toEqual(merkleRoot(entries.map(({ sha256 }) => sha256)));
  });

  it('make the same object where nothing may be taken over, as on a store without conditional writes', async () => {
    const entries = [...segment(1, 1500, 1000), ...segment(1501, 1500, 1000)];
    const collected = new CollectedEntries();
    for (const entry of entries) collected.add(entry);
    await collected.packLong([await piece(entries.slice(100, 1400))], { signal });
    const object = collected.finish();
    const [plain, packed] = [
      await packEntries({ entries }, { signal }),
      await packEntries({ entries: object.entries }, { signal }),
    ];
    expect(packed.stored.equals(plain.stored)).toBe(true);
    expect(packed.content).toEqual(plain.content);
  });

  it('give no text that a piece no longer holds', async () => {
    const collected = new CollectedEntries();
    for (const entry of segment(1, 3000, 1000)) collected.add(entry);
    await collected.packLong([], { signal });
    const { entries, packed } = collected.finish();
    packed[0]?.deflated.fill(0, 100, 200);
    expect(() => entries[0]?.raw).toThrow('no longer holds what it held');
  });
});
