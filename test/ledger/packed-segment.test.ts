import { array, assert, asyncProperty, boolean, integer, record } from 'fast-check';
import { gunzipSync, inflateRawSync, constants } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { packSegment } from '../../src/ledger/packed-segment.ts';
import { nanos, utcDay, type Nanos } from '../../src/time.ts';
import { sideBySide } from '../helpers/side-by-side.ts';

const nanosPerDay = 86_400_000_000_000n;

interface Line {
  readonly raw: Buffer;
  readonly createdAt: Nanos;
}

function linesOf(
  spec: readonly { readonly bytes: number; readonly times: number; readonly days: number }[],
): Line[] {
  let day = 19_000n;
  return spec.flatMap(({ bytes, times, days }) => {
    day += BigInt(days);
    return Array.from({ length: times }, (_, index) => ({
      raw: Buffer.alloc(bytes, `${index}.`),
      createdAt: nanos(day * nanosPerDay + BigInt(index)),
    }));
  });
}

const textOf = (lines: readonly Line[]): string => lines.map(({ raw }) => `${raw.toString()}\n`).join('');

describe('a packed segment', () => {
  it('is gzip of every line, and its pieces are just the lines that they say', async () => {
    const spec = record({
      bytes: integer({ min: 0, max: 4000 }),
      times: integer({ min: 1, max: 400 }),
      days: integer({ min: -1, max: 2 }),
    });
    await assert(
      asyncProperty(array(spec, { maxLength: 6 }), boolean(), async (parts, isOneText) => {
        const lines = isOneText ? sideBySide(linesOf(parts)) : linesOf(parts);
        const segment = await packSegment(lines);
        expect(gunzipSync(segment.lines).toString()).toBe(textOf(lines));
        expect(segment.rawBytes).toBe(lines.reduce((bytes, { raw }) => bytes + raw.length, 0));
        let end = 0;
        for (const { first, entries, deflated } of segment.pieces) {
          expect(first).toBeGreaterThanOrEqual(end);
          end = first + entries;
          const text = inflateRawSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH });
          expect(text.length).toBeGreaterThanOrEqual(64 * 1024);
          expect(text.toString()).toBe(textOf(lines.slice(first, end)));
        }
        expect(end).toBeLessThanOrEqual(lines.length);
      }),
      { numRuns: 60 },
    );
  });

  it('has pieces of one day where days are long, so that an object of a day is whole pieces', async () => {
    const lines = linesOf([
      { bytes: 1000, times: 300, days: 1 },
      { bytes: 1000, times: 1200, days: 1 },
      { bytes: 1000, times: 100, days: 3 },
    ]);
    const { pieces } = await packSegment(lines);
    const days = pieces.map(({ first, entries }) => {
      return [...new Set(lines.slice(first, first + entries).map(({ createdAt }) => utcDay(createdAt)))];
    });
    expect(days.every((held) => held.length === 1)).toBe(true);
    expect(pieces.reduce((sum, { entries }) => sum + entries, 0)).toBe(lines.length);
    expect(pieces[0]).toMatchObject({ first: 0, entries: 300 });
    expect(pieces.at(-1)).toMatchObject({ first: 1500, entries: 100 });
  });

  it('lets short days share a piece, and gives none that is not worth it', async () => {
    const week = linesOf(Array.from({ length: 7 }, () => ({ bytes: 1000, times: 20, days: 1 })));
    expect((await packSegment(week)).pieces).toMatchObject([{ first: 0, entries: 80 }]);
    expect((await packSegment(week.slice(0, 20))).pieces).toEqual([]);
    expect((await packSegment([])).pieces).toEqual([]);
  });

  it('is not made of what is no line', async () => {
    const lines = [
      ...linesOf([{ bytes: 10, times: 3, days: 1 }]),
      { raw: Buffer.from('{\n}'), createdAt: nanos(1n) },
    ];
    await expect(packSegment(lines)).rejects.toThrow('a line holds a line break');
  });
});
