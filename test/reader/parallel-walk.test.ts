import { randomBytes } from 'node:crypto';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { PageRead, PageSource } from '../../src/reader/page-source.ts';
import { walkInParallel } from '../../src/reader/parallel-walk.ts';
import { nanos, parseTimestamp, type Nanos } from '../../src/time.ts';
import { createLogPages, entryOfText } from '../helpers/log-pages.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const base = parseTimestamp('2026-03-01T00:00:00Z') ?? nanos(0n);
const second = 1_000_000_000n;
const log = Array.from({ length: 1000 }, (_, index) => ({
  id: `entry-${index}`,
  at: nanos(base + BigInt(index) * second),
}));
const end = nanos(base + 1000n * second);

interface Reading {
  readonly asked: bigint[];
  readonly ids: string[];
  readonly done: Promise<unknown>;
}

function read(options: {
  readonly turns: number;
  readonly failsFrom?: bigint;
  readonly signal?: AbortSignal;
  /** Held up before it appends. */
  readonly appending?: () => Promise<void>;
  /** Entries look as large as this. */
  readonly entryBytes?: number;
  readonly log?: typeof log;
  readonly end?: Nanos;
}): Reading {
  const stretchEnd = options.end ?? end;
  const pages = createLogPages({
    log: options.log ?? log,
    pageSize: 10,
    now: () => nanos(stretchEnd + 3600n * second),
  });
  const asked: bigint[] = [];
  const ids: string[] = [];
  const source: PageSource = {
    read: async (request) => {
      const at = request.startingFrom === undefined ? base : (parseTimestamp(request.startingFrom) ?? base);
      asked.push(at);
      request.onStart?.();
      for (let left = options.turns; left > 0; left -= 1) await turn();
      if (options.failsFrom !== undefined && at >= options.failsFrom) throw new Error('no page here');
      const page = await pages.read(request);
      return options.entryBytes === undefined ? page : padded(page, options.entryBytes);
    },
  };
  const known = new Set<string>();
  const done = walkInParallel(
    source,
    {
      start: undefined,
      end: stretchEnd,
      caughtUpAt: undefined,
      priority: 'bulk',
      append: async (page) => {
        await options.appending?.();
        const added = page.entries.filter(({ key }) => !known.has(key));
        for (const { key, raw } of added) {
          known.add(key);
          ids.push(String((JSON.parse(raw.toString()) as { id: unknown }).id));
        }
        return added.length;
      },
      onStepOver: async () => undefined,
    },
    { signal: options.signal ?? new AbortController().signal, parallel: 8 },
  );
  return { asked, ids, done };
}

function padded({ page, limit }: PageRead, bytes: number): PageRead {
  const entries = page.entries.map(({ raw }) => {
    const text = raw.toString();
    const x = randomBytes(bytes / 2).toString('hex');
    return entryOfText(`${text.slice(0, -1)},"x":"${x}"}`);
  });
  return { page: { ...page, entries }, limit };
}

describe('a walk in parts', () => {
  it('reads little ahead while the ledger is always busy, and more once that waits for pages', async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const reading = read({ turns: 1, appending: () => gate, entryBytes: 100_000 });
    // Pages of a megabyte, of which four times as many may be held where that helps.
    let ahead = 0;
    do {
      ahead = reading.asked.length;
      await delay(500);
    } while (reading.asked.length > ahead);
    expect(ahead).toBeLessThan(20);
    go();
    await reading.done;
    expect(reading.ids).toHaveLength(1000);
  });

  it('appends all that lies left of a page that fails, nothing right of it, and rejects with its reason', async () => {
    const reading = read({ turns: 3, failsFrom: base + 500n * second });
    expect(await rejectionOf(reading.done)).toMatchObject({ message: 'no page here' });
    expect(reading.ids).toEqual(log.slice(0, reading.ids.length).map(({ id }) => id));
    expect(reading.ids.length).toBeGreaterThanOrEqual(500);
    expect(reading.ids.length).toBeLessThan(520);
  });

  it.each([
    ['a minute', 60n],
    ['two hundred years', 6_311_520_000n],
  ])('asks a few rounds more at a pause, however long it is: %s', async (_, pause) => {
    const before = log.slice(0, 500);
    const after = log.slice(500).map(({ id, at }) => ({ id, at: nanos(at + pause * second) }));
    const paused = [...before, ...after];
    const reading = read({ turns: 3, log: paused, end: nanos(end + pause * second) });
    await reading.done;
    expect(reading.ids).toEqual(paused.map(({ id }) => id));
    expect(reading.asked.length).toBeLessThanOrEqual(140);
  });

  it('looks no further once the log has ended long before the stretch', async () => {
    const reading = read({ turns: 3, end: nanos(end + 6_311_520_000n * second) });
    await reading.done;
    expect(reading.ids).toHaveLength(1000);
    expect(reading.asked.length).toBeLessThanOrEqual(140);
  });

  it('costs few requests more than a serial one', async () => {
    const reading = read({ turns: 3 });
    await reading.done;
    expect(reading.ids).toHaveLength(1000);
    // 100 pages, with all eight readers busy: no rate holds any back here, so this is the most that cutting costs.
    expect(reading.asked.length).toBeLessThanOrEqual(125);
  });

  it('asks in order first: nothing ahead of the first page, which tells where the log begins', async () => {
    const stop = new AbortController();
    const reading = read({ turns: 3, signal: stop.signal });
    await turn();
    expect(reading.asked).toEqual([base]);
    stop.abort(new Error('stopped'));
    expect(await rejectionOf(reading.done)).toMatchObject({ message: 'stopped' });
  });
});
