import { describe, expect, it } from 'vitest';
import { chooseCut, TypicalSpan, type Cuttable } from '../../src/reader/split-point.ts';
import { nanos } from '../../src/time.ts';

const second = 1_000_000_000;

/** Times in seconds. */
function part(given: {
  readonly end: number;
  readonly asked?: number;
  readonly pageSpan?: number;
  readonly pages?: number;
  readonly planned?: number;
}): Cuttable {
  return {
    asked: nanos(BigInt((given.asked ?? 0) * second)),
    end: nanos(BigInt(Math.round(given.end * second))),
    pageSpan: given.pageSpan === undefined ? undefined : given.pageSpan * second,
    pages: given.pages ?? 0,
    planned: given.planned,
  };
}

function cutAt(parts: readonly Cuttable[], typicalSpan: number | undefined): number | undefined {
  const cut = chooseCut(parts, {
    typicalSpan: typicalSpan === undefined ? undefined : typicalSpan * second,
    pagesAhead: 8,
  });
  return cut === undefined ? undefined : Number(cut.at) / second;
}

describe('where a part is cut', () => {
  it('lies some pages ahead of the reader, and in the middle of what is left at most', () => {
    expect(cutAt([part({ end: 100, pages: 1, pageSpan: 1 })], 1)).toBe(8);
    expect(cutAt([part({ end: 14, pages: 1, pageSpan: 1 })], 1)).toBe(7);
    expect(cutAt([part({ end: 10, pages: 1, pageSpan: 1 })], 1)).toBe(5);
  });

  it('is nowhere before the first page, where little is left, and behind what was asked for', () => {
    expect(cutAt([part({ end: 100 })], undefined)).toBeUndefined();
    expect(cutAt([part({ end: 2.9, pages: 1, pageSpan: 1 })], 1)).toBeUndefined();
    expect(cutAt([part({ end: 0.000003, pages: 1, pageSpan: 1e-9 })], 1e-9)).toBeUndefined();
    expect(cutAt([part({ asked: 5, end: 4, pages: 1, pageSpan: 1 })], 1)).toBeUndefined();
  });

  it('goes by what a page takes typically, over a burst in which one takes far less', () => {
    expect(cutAt([part({ end: 1000, pages: 1, pageSpan: 0.01 })], 10)).toBe(80);
  });

  it('is first in a part that is longer than was thought, and goes by its latest page there', () => {
    const longer = part({ end: 10, pages: 8, planned: 8, pageSpan: 0.01 });
    const next = part({ asked: 10, end: 1000, pages: 2, pageSpan: 10 });
    expect(cutAt([longer, next], 10)).toBeCloseTo(0.08);
    expect(cutAt([{ ...longer, planned: 9 }, next], 10)).toBe(90);
  });

  it('goes by the latest page where nothing is typically long, also in a part that nobody has looked into', () => {
    const read = part({ end: 0.08, pages: 1, planned: 8, pageSpan: 0.01 });
    const unread = part({ asked: 1, end: 2, pageSpan: 0.01 });
    expect(cutAt([read, unread], 10)).toBeCloseTo(1.08);
    expect(cutAt([read], 10)).toBeCloseTo(0.04);
    expect(cutAt([{ ...unread, end: nanos(BigInt(1.1 * second)) }], 10)).toBeUndefined();
  });

  it('is told what a page takes typically by the last few dozen, without jumping for one of them', () => {
    const typical = new TypicalSpan();
    expect(typical.value).toBeUndefined();
    for (let page = 0; page < 100; page += 1) typical.add(10);
    expect(typical.value).toBeCloseTo(10);
    typical.add(1000);
    expect(typical.value).toBeLessThan(50);
    for (let page = 0; page < 100; page += 1) typical.add(1);
    expect(typical.value).toBeLessThan(4);
  });
});
