/** What can happen to whoever reads this API, as the stand-in does it. */
import type { Sandbox, SandboxOptions } from '../../src/sandbox/index.ts';
import { nanos, nanosFromMs } from '../../src/time.ts';
import { createPlainEntryWriter } from './plain-entries.ts';

export interface BoundaryCase {
  readonly name: string;
  readonly title: string;
  readonly sandbox?: SandboxOptions;
  /** Before the first run. */
  readonly before: (sandbox: Sandbox) => void;
  /** Between the first run and the second. Undefined: there is one run. */
  readonly between?: (sandbox: Sandbox) => void;
  /** The first run is killed when so many pages were served. */
  readonly killAtPage?: number;
}

const second = 1_000_000_000n;
const minute = 60n * second;
const entries = 3000;
/** Few days, because the exporter's archive has an object for each. */
const historyMs = 8 * 86_400_000;

export const boundaryCases: readonly BoundaryCase[] = [
  { name: 'plain', title: 'nothing unusual', before: (sandbox) => fill(sandbox, entries) },
  {
    name: 'inclusive',
    title: '`starting_from` includes the entries of its own time',
    sandbox: { traps: ['inclusive'] },
    before: (sandbox) => fill(sandbox, entries),
  },
  {
    name: 'ties',
    title: '1,200 entries at one time, more than a page holds',
    before: (sandbox) => {
      fill(sandbox, entries);
      add(sandbox, Array<bigint>(1200).fill(newest(sandbox) + second));
    },
  },
  {
    name: 'late',
    title: 'an entry turns up five minutes late',
    before: (sandbox) => fill(sandbox, entries),
    between: (sandbox) => add(sandbox, [newest(sandbox) - 5n * minute + 1000n]),
  },
  {
    name: 'same-time',
    title: 'an entry turns up at the very time of the newest',
    before: (sandbox) => fill(sandbox, entries),
    between: (sandbox) => add(sandbox, [newest(sandbox)]),
  },
  {
    name: 'fractions',
    title: '`…02Z` is the newest, then come `…02.5Z` and `…02.75Z`',
    before: (sandbox) => {
      fill(sandbox, entries);
      add(sandbox, [newest(sandbox) - (newest(sandbox) % second) + second]);
    },
    between: (sandbox) => add(sandbox, [newest(sandbox) + second / 2n, newest(sandbox) + (second * 3n) / 4n]),
  },
  {
    name: 'odd',
    title: 'odd but valid entries: numbers beyond 64 bits, U+0000, unknown members',
    sandbox: { entries: 1000, historyDays: 8 },
    before: () => undefined,
  },
  {
    name: 'killed',
    title: 'killed half-way, then started again',
    sandbox: { latencyMs: 100 },
    before: (sandbox) => fill(sandbox, 20_000),
    killAtPage: 10,
    between: () => undefined,
  },
];

const writer = createPlainEntryWriter(0);

function add(sandbox: Sandbox, times: readonly bigint[]): void {
  const first = sandbox.truth().length;
  sandbox.append(
    times.map((createdAt, place) => ({ createdAt, raw: writer.write(first + place, nanos(createdAt)) })),
  );
}

function fill(sandbox: Sandbox, count: number): void {
  const from = nanosFromMs(Date.now() - historyMs);
  const step = (BigInt(historyMs - 60_000) * 1_000_000n) / BigInt(count);
  // Whole microseconds, as the API has them.
  add(
    sandbox,
    Array.from({ length: count }, (_, place) => ((from + BigInt(place) * step) / 1000n) * 1000n),
  );
}

function newest(sandbox: Sandbox): bigint {
  return sandbox.truth().at(-1)?.createdAt ?? 0n;
}
