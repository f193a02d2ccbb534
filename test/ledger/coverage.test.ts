import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, missing, union, type Interval } from '../../src/ledger/coverage.ts';
import { nanos } from '../../src/time.ts';

const interval = (from: number, to: number): Interval => ({
  from: nanos(BigInt(from)),
  to: nanos(BigInt(to)),
});
const anyInterval = fc
  .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40 }))
  .map(([a, b]) => interval(a, b));
const times = Array.from({ length: 42 }, (_, index) => nanos(BigInt(index)));

describe('coverage', () => {
  it('merges neighbours and keeps gaps', () => {
    expect(union([interval(5, 7), interval(1, 3), interval(3, 4)])).toEqual([interval(1, 4), interval(5, 7)]);
  });

  it('finds what a demand lacks on both sides of what is covered', () => {
    expect(missing(interval(0, 10), [interval(3, 5)])).toEqual([interval(0, 3), interval(5, 10)]);
    expect(missing(interval(3, 5), [interval(0, 10)])).toEqual([]);
    expect(missing(interval(0, 10), [])).toEqual([interval(0, 10)]);
  });

  it('covers exactly the same times after a union, in disjoint ascending intervals', () => {
    fc.assert(
      fc.property(fc.array(anyInterval, { maxLength: 8 }), (intervals) => {
        const merged = union(intervals);
        for (const time of times) expect(covers(merged, time)).toBe(covers(intervals, time));
        for (const [index, next] of merged.slice(1).entries())
          expect(merged[index]!.to < next.from).toBe(true);
      }),
    );
  });

  it('splits a demand into what is covered and what is missing, without overlap', () => {
    fc.assert(
      fc.property(anyInterval, fc.array(anyInterval, { maxLength: 8 }), (demand, covered) => {
        const parts = missing(demand, covered);
        for (const time of times) {
          expect(covers(parts, time)).toBe(covers([demand], time) && !covers(covered, time));
        }
      }),
    );
  });
});
