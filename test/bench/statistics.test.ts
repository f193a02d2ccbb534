import { describe, expect, it } from 'vitest';
import { median, quantile, ratio, rounded } from './statistics.ts';

describe('the numbers of a report', () => {
  it('takes the middle of an odd count, and the mean of the two middle ones of an even count', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('has no median of nothing', () => {
    expect(median([])).toBeNaN();
  });

  it('finds any share of the values, the ends included', () => {
    const values = [10, 20, 30, 40, 50];
    expect([0, 0.25, 0.95, 1].map((share) => quantile(values, share))).toEqual([10, 20, 48, 50]);
  });

  it('writes no more digits than can be repeated, and a dash where there is no number', () => {
    expect([0.123, 3.456, 12_345.6, Number.NaN].map(rounded)).toEqual(['0.12', '3.5', '12,346', '–']);
    expect([0.5, Number.NaN].map(ratio)).toEqual(['0.50', '–']);
  });
});
