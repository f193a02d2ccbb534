import { placeInTime, type HistoryShape } from './history-shape.ts';
import { createRandom, mix, type Random } from './random.ts';

export interface TimelineOptions {
  readonly seed: number;
  readonly entries: number;
  /** Nanoseconds; the first entry is shortly after `from`, the last one shortly before `to`. */
  readonly from: bigint;
  readonly to: bigint;
  /** Groups of 1,200 entries at one time. */
  readonly bigTies: boolean;
  /** Times finer than a microsecond. */
  readonly isFine: boolean;
  /** Default `lifelike`. */
  readonly shape?: HistoryShape;
}

/** The shares of a history in its last forty hours and its last ten minutes: what a re-scan and a tail look at. */
const parts = [
  { share: 0.08, ns: 40 * 3_600_000_000_000 },
  { share: 0.02, ns: 600_000_000_000 },
] as const;

/**
 * The `created_at` of every entry of the history, in nanoseconds, never decreasing: steady traffic, bursts, quiet
 * stretches, and groups that share one microsecond. Some are on whole seconds or milliseconds.
 */
export function createTimeline(options: TimelineOptions): BigInt64Array {
  const { entries, from, to } = options;
  const times = new BigInt64Array(entries);
  const { shape = 'lifelike' } = options;
  if (shape !== 'lifelike') {
    for (let place = 0; place < entries; place += 1) {
      const share = placeInTime(shape, place / entries);
      times[place] = from + BigInt(Math.floor(share * Number(to - from)));
    }
    return finish(times, options);
  }
  const random = createRandom(mix(options.seed, 0x71e));
  let start = from;
  let done = 0;
  for (let place = 0; place <= parts.length; place += 1) {
    const after = parts.slice(place).map(({ share, ns }) => ({ count: Math.floor(entries * share), ns }));
    const count = Math.max(0, entries - done - after.reduce((sum, next) => sum + next.count, 0));
    const nextNs = after[0] === undefined ? 0 : Math.min(after[0].ns, Number(to - from) / (2 + place));
    const end = to - BigInt(Math.floor(nextNs));
    fill(times.subarray(done, done + count), start, end, () => gap(random, options.bigTies && place === 0));
    done += count;
    start = end;
  }
  return finish(times, options);
}

/** Lays steps of random length over a span: the last one ends right before its end. */
function fill(times: BigInt64Array, from: bigint, to: bigint, step: () => Step): void {
  const steps = new Float64Array(times.length);
  let sum = 0;
  let index = 0;
  while (index < times.length) {
    const { length, together } = step();
    sum += length;
    const end = Math.min(times.length, index + together);
    for (; index < end; index += 1) steps[index] = sum;
  }
  const scale = Number(to - from) / (sum * 1.000_01 || 1);
  for (let place = 0; place < times.length; place += 1) {
    times[place] = from + BigInt(Math.floor((steps[place] as number) * scale));
  }
}

interface Step {
  readonly length: number;
  /** Entries at the same time. */
  readonly together: number;
}

function gap(random: Random, bigTies: boolean): Step {
  const kind = random.next();
  if (bigTies && kind < 0.002) return { length: 1, together: 1_200 };
  if (kind < 0.03) return { length: 1, together: 2 + Math.floor(random.next() * 11) };
  if (kind < 0.4) return { length: 0.000_01 + random.next() * 0.001, together: 1 };
  if (kind > 0.995) return { length: 60 + random.next() * 100, together: 1 };
  return { length: -Math.log(1 - random.next()), together: 1 };
}

/** Cuts to whole microseconds, and some to milliseconds or seconds, without ever going back. */
function finish(times: BigInt64Array, options: TimelineOptions): BigInt64Array {
  let previous = options.from;
  let previousRaw = -1n;
  for (let index = 0; index < times.length; index += 1) {
    const raw = times[index] as bigint;
    if (raw !== previousRaw) {
      const kind = mix(options.seed ^ 0x517, index) % 40;
      const unit = kind === 0 ? 1_000_000_000n : kind < 4 ? 1_000_000n : 1_000n;
      const cut = raw - (raw % unit);
      const micros = cut > previous ? cut : raw - (raw % 1_000n);
      const fine = options.isFine ? micros + BigInt(1 + (mix(options.seed, index) % 999)) : micros;
      previous = fine > previous ? fine : previous;
      previousRaw = raw;
    }
    times[index] = previous;
  }
  return times;
}
