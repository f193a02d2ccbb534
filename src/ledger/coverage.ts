/**
 * Sets of time already read, as disjoint half-open intervals [from, to) in nanoseconds, in ascending order.
 *
 * What is asked for (`startFrom`, a backfill's range) only demands coverage: demand minus what is covered or being
 * read becomes new stretches, so nothing is read twice because somebody asked twice.
 */
import { maxNanos, minNanos, nanos, type Nanos } from '../time.ts';

export interface Interval {
  readonly from: Nanos;
  readonly to: Nanos;
}

/**
 * The ends of time. Nanoseconds of an int8 reach from 1677 to 2262; an entry's time outside them counts as no usable
 * time. They are a little inside, so that an overlap can be subtracted.
 */
export const beginningOfTime: Nanos = nanos(-9_200_000_000_000_000_000n);
export const endOfTime: Nanos = nanos(9_200_000_000_000_000_000n);

/** Whether a time lies in one of the intervals. */
export function covers(intervals: readonly Interval[], time: Nanos): boolean {
  for (const { from, to } of intervals) if (from <= time && time < to) return true;
  return false;
}

/** The union of intervals: sorted, neighbours and overlaps merged, empty ones dropped. */
export function union(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals
    .filter((interval) => interval.from < interval.to)
    .toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const merged: Interval[] = [];
  for (const interval of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && interval.from <= last.to) {
      merged[merged.length - 1] = { from: last.from, to: maxNanos(last.to, interval.to) };
    } else {
      merged.push(interval);
    }
  }
  return merged;
}

/** The parts of `demand` that none of `covered` holds. */
export function missing(demand: Interval, covered: readonly Interval[]): Interval[] {
  const parts: Interval[] = [];
  let from = demand.from;
  for (const interval of union(covered)) {
    if (interval.to <= from) continue;
    if (interval.from >= demand.to) break;
    if (interval.from > from) parts.push({ from, to: minNanos(interval.from, demand.to) });
    from = maxNanos(from, interval.to);
  }
  if (from < demand.to) parts.push({ from, to: demand.to });
  return parts;
}
