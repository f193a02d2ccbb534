import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { walkInParallel } from '../../src/reader/parallel-walk.ts';
import type { PageSource } from '../../src/reader/page-source.ts';
import { nanos, parseTimestamp, type Nanos } from '../../src/time.ts';
import { createLogPages, type LogEntry, type LogPagesOptions } from '../helpers/log-pages.ts';

const base = parseTimestamp('2026-03-01T00:00:00Z') ?? nanos(0n);
const unit = 60_000_000n;
const now = nanos(base + 1_000_000_000_000_000n);

class Crash extends Error {}

interface Scenario {
  readonly log: readonly LogEntry[];
  readonly options: Omit<LogPagesOptions, 'log' | 'now'>;
  /** How many turns of the event loop each answer takes. */
  readonly delays: readonly number[];
  readonly endAt: number;
  readonly crashes: readonly (readonly [append: number, isAfter: boolean])[];
}

/** Fires for the same requests in every run. */
function oddly(every: number): (request: number) => boolean {
  return (request) => every > 0 && request % every === every - 1;
}

/** Steps between entries: ties, bursts, and gaps that are thousands of times as long. */
const steps = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 20_000 }) },
);

const logs = fc.array(steps, { minLength: 1, maxLength: 150 }).map((drawn) => {
  let at = 0;
  return drawn.map((step, index): LogEntry => {
    at += step;
    return { id: `entry-${index}`, at: nanos(base + BigInt(at) * unit) };
  });
});

const every = fc.constantFrom(0, 2, 3, 5);
const scenarios: fc.Arbitrary<Scenario> = fc.record({
  log: logs,
  options: fc
    .record({
      pageSize: fc.integer({ min: 1, max: 12 }),
      inclusive: fc.constantFrom(0, 1, 2, 3),
      short: every,
      stuck: every,
      backward: every,
      empty: every,
      tail: fc.constantFrom('last', 'echo', 'now', 'future', 'absent' as const),
    })
    .map(({ pageSize, inclusive, short, stuck, backward, empty, tail }) => ({
      pageSize,
      tail,
      isInclusive: oddly(inclusive),
      isShort: oddly(short),
      isStuck: oddly(stuck),
      isBackward: oddly(backward),
      isEmpty: oddly(empty),
    })),
  delays: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 12 }),
  endAt: fc.double({ min: 0.2, max: 1.2, noNaN: true }),
  crashes: fc.array(fc.tuple(fc.integer({ min: 0, max: 12 }), fc.boolean()), { maxLength: 2 }),
});

interface Read {
  readonly ids: string[];
  readonly mostHeld: number;
  readonly mostInFlight: number;
  readonly requests: number;
}

/** Reads the stretch to its end, starting again at the kept position after each crash. */
async function readStretch(scenario: Scenario, parallel: number, heldEntries = 60): Promise<Read> {
  const pages = createLogPages({ ...scenario.options, log: [...scenario.log], now: () => now });
  const first = scenario.log[0]?.at ?? base;
  const span = Number((scenario.log.at(-1)?.at ?? base) - first);
  const end = nanos(first + BigInt(Math.floor(span * scenario.endAt)) + 1n);
  const ids: string[] = [];
  const known = new Set<string>();
  const crashes = [...scenario.crashes];
  let [requests, mostInFlight, fetched, appended, mostHeld, appends] = [0, 0, 0, 0, 0, 0];
  // What a crashed attempt left under way is not the next one's.
  let inFlight = { count: 0 };
  let position: string | undefined;
  const source: PageSource = {
    read: async (request) => {
      const attempt = inFlight;
      attempt.count += 1;
      mostInFlight = Math.max(mostInFlight, attempt.count);
      const turns = scenario.delays[requests % scenario.delays.length] ?? 0;
      requests += 1;
      if (requests > 3000) throw new Error('the walk does not end');
      request.onStart?.();
      try {
        for (let left = turns; left > 0; left -= 1) await turn();
        const read = await pages.read(request);
        fetched += read.page.entries.length;
        mostHeld = Math.max(mostHeld, fetched - appended);
        return read;
      } finally {
        attempt.count -= 1;
      }
    },
  };
  for (;;) {
    try {
      await walkInParallel(
        source,
        {
          start: position,
          end,
          caughtUpAt: undefined,
          priority: 'bulk',
          append: async (page) => {
            const crash = crashes[0]?.[0] === appends ? crashes.shift() : undefined;
            appends += 1;
            if (crash?.[1] === false) throw new Crash();
            appended += page.entries.length;
            let added = 0;
            // Pages that are appended together may have an entry twice.
            for (const { key, raw, createdAt } of page.entries) {
              if (createdAt >= end || known.has(key)) continue;
              known.add(key);
              added += 1;
              ids.push(String((JSON.parse(raw.toString()) as { id: unknown }).id));
            }
            position = furthest(position, page.checkpoint);
            expectNothingSkipped(scenario.log, { ids, position, end });
            if (crash?.[1] === true) throw new Crash();
            return added;
          },
          onStepOver: async () => undefined,
        },
        { signal: new AbortController().signal, parallel, held: { bytes: 1e9, entries: heldEntries } },
      );
      return { ids, mostHeld, mostInFlight, requests };
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      fetched = appended;
      inFlight = { count: 0 };
    }
  }
}

function furthest(before: string | undefined, after: string | undefined): string | undefined {
  if (before === undefined || after === undefined) return after ?? before;
  return (parseTimestamp(after) ?? 0n) > (parseTimestamp(before) ?? 0n) ? after : before;
}

function expectNothingSkipped(
  log: readonly LogEntry[],
  kept: { readonly ids: readonly string[]; readonly position: string | undefined; readonly end: Nanos },
): void {
  const reached = kept.position === undefined ? undefined : parseTimestamp(kept.position);
  if (reached === undefined) return;
  const held = new Set(kept.ids);
  const missing = log.filter(({ id, at }) => at < reached && at < kept.end && !held.has(id));
  expect(missing).toEqual([]);
}

describe('a stretch read in parts', () => {
  it('brings the entries of any log in the order of a serial read, whatever the server and wherever it crashes', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const serial = await readStretch(scenario, 1);
        for (const parallel of [2, 8]) {
          const read = await readStretch(scenario, parallel);
          expect(read.ids).toEqual(serial.ids);
          expect(read.mostInFlight).toBeLessThanOrEqual(parallel);
          // A round is lost at a pause, half a request at a cut, and what was ahead at a crash.
          expect(read.requests).toBeLessThanOrEqual(serial.requests * 2 + 60);
        }
      }),
      { numRuns: 200 },
    );
  }, 120_000);

  it('holds no more than it may, however much lies to the right', async () => {
    const log = Array.from({ length: 4000 }, (_, index) => ({
      id: `entry-${index}`,
      at: nanos(base + BigInt(index) * unit),
    }));
    const options = { pageSize: 10, tail: 'last' as const };
    const read = await readStretch({ log, options, delays: [9, 1, 2], endAt: 1, crashes: [] }, 8, 200);
    expect(read.ids).toHaveLength(4000);
    // The leftmost part's own pages come on top: those in hand, and those that it gathers for a moment.
    expect(read.mostHeld).toBeLessThanOrEqual(200 + 20 * 10);
    expect(read.mostInFlight).toBeGreaterThan(2);
  });
});
