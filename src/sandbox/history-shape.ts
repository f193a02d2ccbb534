/**
 * How a seeded history lies in its time. `lifelike`: steady traffic, bursts, quiet stretches, and more of late; `even`: the
 * same time between any two entries; `bursty`: forty bursts that hold 95 of 100 entries in a hundredth of the time;
 * `skewed`: 95 of 100 entries in a thousandth of the time, at seven tenths of it.
 */
export type HistoryShape = 'lifelike' | 'even' | 'bursty' | 'skewed';

/** Where in the history's time, from 0 to 1, the entry lies that comes after the share `at` of all entries. */
export function placeInTime(shape: Exclude<HistoryShape, 'lifelike'>, at: number): number {
  switch (shape) {
    case 'even':
      return at;
    case 'bursty': {
      const bursts = 40;
      const burst = Math.min(bursts - 1, Math.floor(at * bursts));
      return (burst + withDense(at * bursts - burst, { from: 0.4, length: 0.01 })) / bursts;
    }
    case 'skewed':
      return withDense(at, { from: 0.7, length: 0.001 });
    default:
      return shape satisfies never;
  }
}

/** 95 of 100 in the dense part, the rest evenly before and after it. */
function withDense(at: number, dense: { readonly from: number; readonly length: number }): number {
  const sparse = 0.05;
  const before = (sparse * dense.from) / (1 - dense.length);
  if (at < before) return (at / before) * dense.from;
  const inside = (at - before) / (1 - sparse);
  if (inside < 1) return dense.from + inside * dense.length;
  const rest = 1 - dense.from - dense.length;
  return dense.from + dense.length + ((at - before - (1 - sparse)) / (sparse - before)) * rest;
}
