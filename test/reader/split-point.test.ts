import { describe, expect, it } from 'vitest';
import { averageSpan, splitPoint } from '../../src/reader/split-point.ts';
import { nanos } from '../../src/time.ts';

const second = 1_000_000_000;

function part(end: number, pageSpan: number | undefined): Parameters<typeof splitPoint>[0] {
  return {
    asked: nanos(0n),
    end: nanos(BigInt(end * second)),
    pageSpan: pageSpan === undefined ? undefined : pageSpan * second,
  };
}

describe('where a part is cut', () => {
  it('lies some pages ahead of the reader, and in the middle of what is left at most', () => {
    expect(splitPoint(part(100, 1), 8)).toBe(8n * BigInt(second));
    expect(splitPoint(part(10, 1), 8)).toBe(5n * BigInt(second));
  });

  it('is nowhere before the first page, where little is left, and behind what was asked for', () => {
    expect(splitPoint(part(100, undefined), 8)).toBeUndefined();
    expect(splitPoint(part(2.9, 1), 8)).toBeUndefined();
    expect(splitPoint({ asked: nanos(0n), end: nanos(3000n), pageSpan: 1 }, 8)).toBeUndefined();
    expect(splitPoint({ asked: nanos(5000n), end: nanos(4000n), pageSpan: 1 }, 8)).toBeUndefined();
  });

  it('follows how much time pages take, without jumping for one of them', () => {
    expect(averageSpan(undefined, 10)).toBe(10);
    expect(averageSpan(10, 1000)).toBeCloseTo(307);
  });
});
