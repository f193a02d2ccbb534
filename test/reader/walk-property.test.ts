import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WalkedPage } from '../../src/reader/append-group.ts';
import { walk } from '../../src/reader/walk.ts';
import { formatTimestamp, nanos, parseTimestamp, type Nanos } from '../../src/time.ts';
import { createLogPages, type LogEntry, type LogPagesOptions } from '../helpers/log-pages.ts';

const base = parseTimestamp('2026-03-01T00:00:00Z') ?? nanos(0n);
const hour = 3_600_000_000_000n;

/** What a ledger does for a walk: known ids drop, the position is kept with the entries or not at all. */
class MemoryLedger {
  readonly ids: string[] = [];
  position: string | undefined;
  readonly #known = new Set<string>();

  append(page: WalkedPage): number {
    const ids = page.entries.map((entry) => entry.raw.toString());
    let added = 0;
    for (const id of ids) {
      if (this.#known.has(id)) continue;
      this.#known.add(id);
      this.ids.push(id);
      added += 1;
    }
    const furthest = this.position === undefined ? undefined : parseTimestamp(this.position);
    const reached = page.checkpoint === undefined ? undefined : parseTimestamp(page.checkpoint);
    if (reached !== undefined && (furthest === undefined || reached > furthest)) {
      this.position = page.checkpoint;
    }
    return added;
  }
}

class Crash extends Error {}

interface Scenario {
  readonly options: Omit<LogPagesOptions, 'log' | 'now'>;
  readonly log: readonly LogEntry[];
  readonly crashes: readonly (readonly [append: number, isAfter: boolean])[];
}

const oddities = fc.infiniteStream(fc.integer({ min: 0, max: 9 }));

/** Fires for some requests, the same ones in every run of a scenario. */
const sometimes = (often: number): fc.Arbitrary<(request: number) => boolean> =>
  oddities.map((stream) => {
    const drawn: number[] = [];
    return (request) => {
      while (drawn.length <= request) drawn.push(stream.next().value ?? 9);
      return (drawn[request] ?? 9) < often;
    };
  });
const never = fc.constant((): boolean => false);
const always = fc.constant((): boolean => true);

const times = (resolution: bigint): fc.Arbitrary<LogEntry[]> =>
  fc
    .array(fc.integer({ min: 0, max: 40 }), { maxLength: 120 })
    .map((offsets) =>
      offsets
        .toSorted((a, b) => a - b)
        .map((offset, index) => entryAt(nanos(base + BigInt(offset) * resolution), { index, resolution })),
    );

/** A server with nanoseconds prints nine digits always. */
function entryAt(at: Nanos, entry: { readonly index: number; readonly resolution: bigint }): LogEntry {
  const text = formatTimestamp(at);
  const isShort = entry.resolution === 1n && text.length === '2026-03-01T00:00:00.000000Z'.length;
  return { id: `entry-${entry.index}`, at, text: isShort ? text.replace('Z', '000Z') : text };
}

function rawOf({ id, text }: LogEntry): string {
  return JSON.stringify({ id, created_at: text });
}

const fromSomeRequestOn = fc.integer({ min: 0, max: 40 }).map(
  (first) =>
    (request: number): boolean =>
      request >= first,
);

/**
 * A server that turns exclusive just when the timestamp before was stepped over hides what is one step later: there only
 * the overlap helps. So one that changes at any time has entries further apart.
 */
const logs: fc.Arbitrary<Pick<Scenario, 'log'> & Pick<LogPagesOptions, 'isInclusive'>> = fc.oneof(
  fc.record({
    log: fc.oneof(times(1n), times(1000n), times(600_000_000_000n)),
    isInclusive: fc.oneof(never, always, fromSomeRequestOn),
  }),
  fc.record({ log: times(1_000_000n), isInclusive: sometimes(5) }),
);

const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    log: logs,
    options: fc.record({
      pageSize: fc.integer({ min: 1, max: 30 }),
      limitMax: fc.option(fc.integer({ min: 1, max: 12 }), { nil: 1000 }),
      isShort: fc.oneof(never, sometimes(5)),
      isStuck: fc.oneof(never, sometimes(3)),
      isBackward: fc.oneof(never, sometimes(3)),
      isEmpty: fc.oneof(never, sometimes(3)),
      tail: fc.constantFrom('last', 'echo', 'now', 'future', 'absent' as const),
    }),
    crashes: fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), { maxLength: 4 }),
  })
  .map(({ log: { log, isInclusive }, options, crashes }) => ({
    log,
    crashes,
    options: { ...options, ...(isInclusive === undefined ? {} : { isInclusive }) },
  }));

/** Sweeps until one gets through; every crash is followed by a start at the position that was kept. */
async function readAll(
  scenario: Scenario,
  plan: { readonly end: Nanos | undefined },
): Promise<{ ledger: MemoryLedger; requests: number; sweeps: number }> {
  const ledger = new MemoryLedger();
  const now = nanos(base + 100n * hour);
  const pages = createLogPages({ ...scenario.options, log: [...scenario.log], now: () => now });
  const crashes = [...scenario.crashes];
  let appends = 0;
  for (let sweeps = 1; ; sweeps += 1) {
    try {
      await walk(
        pages,
        {
          start: ledger.position,
          end: plan.end,
          caughtUpAt: undefined,
          priority: 'tail',
          append: async (page) => {
            const crash = crashes[0]?.[0] === appends ? crashes.shift() : undefined;
            appends += 1;
            if (crash?.[1] === false) throw new Crash();
            const added = ledger.append(page);
            expectNothingSkipped(scenario, ledger);
            if (crash?.[1] === true) throw new Crash();
            return added;
          },
          onStepOver: async () => undefined,
        },
        { signal: new AbortController().signal },
      );
      return { ledger, requests: pages.asked.length, sweeps };
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
}

/** At every moment: what lies before the kept position is in the ledger. */
function expectNothingSkipped(scenario: Scenario, ledger: MemoryLedger): void {
  const reached = ledger.position === undefined ? undefined : parseTimestamp(ledger.position);
  if (reached === undefined) return;
  const held = new Set(ledger.ids);
  const isMissing = (entry: LogEntry): boolean => entry.at < reached && !held.has(rawOf(entry));
  expect(scenario.log.filter(isMissing)).toEqual([]);
}

describe('a walk over any log and any server', () => {
  it('brings every entry once, never moves past one that was not read, and ends', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const { ledger, requests, sweeps } = await readAll(scenario, { end: undefined });
        expect(ledger.ids.toSorted()).toEqual(scenario.log.map(rawOf).toSorted());
        // Four requests for a timestamp at most (empty, group, larger, beyond), and each sweep's last ones.
        const groups = new Set(scenario.log.map(({ at }) => at)).size;
        expect(requests).toBeLessThanOrEqual((groups + 2) * 4 + sweeps * 60);
      }),
      { numRuns: 1000 },
    );
  }, 60_000);
});
