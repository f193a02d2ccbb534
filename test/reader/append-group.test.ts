import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AppendGroup, type WalkedPage } from '../../src/reader/append-group.ts';
import { toPageEntries } from '../../src/reader/page-entries.ts';
import { nanos } from '../../src/time.ts';
import { auditEntry } from '../helpers/log-pages.ts';
import { rejectionOf } from '../helpers/rejection.ts';

let counted = 0;

function pageOf(count: number): WalkedPage {
  const entries = Array.from({ length: count }, () => {
    counted += 1;
    return auditEntry({ id: `entry-${counted}`, at: nanos(BigInt(counted) * 1000n) });
  });
  return { entries: toPageEntries(entries, nanos(0n)), checkpoint: `at ${counted}`, serverDate: undefined };
}

/** Appends end when they are told to. */
function createAppends(): {
  readonly said: string[];
  readonly ends: (() => void)[];
  readonly append: (page: WalkedPage) => Promise<number>;
  readonly makeReady: (page: WalkedPage) => Promise<void>;
} {
  const said: string[] = [];
  const ends: (() => void)[] = [];
  const ready = new WeakSet<WalkedPage>();
  return {
    said,
    ends,
    append: async (page) => {
      said.push(`append ${page.entries.length}${ready.has(page) ? ', ready' : ''}`);
      await new Promise<void>((resolve) => ends.push(resolve));
      return page.entries.length;
    },
    makeReady: async (page) => {
      said.push(`make ready ${page.entries.length}`);
      ready.add(page);
    },
  };
}

function failAs(message: string): () => never {
  return () => {
    throw new Error(message);
  };
}

/** One page was appended a moment ago; every other append fails. */
async function failingGroup(gatheringMs: number): Promise<{ group: AppendGroup; appends: () => number }> {
  let count = 0;
  const append = async (page: WalkedPage): Promise<number> => {
    count += 1;
    if (count > 1) throw new Error('the lease is lost');
    return page.entries.length;
  };
  const group = new AppendGroup({ append }, { entriesMax: 8, gatheringMs });
  await group.add(pageOf(1));
  await turn();
  return { group, appends: () => count };
}

describe('pages that wait for an append', () => {
  it('are made ready once half of the most wait, and appended as they were made ready', async () => {
    const { said, ends, append, makeReady } = createAppends();
    const group = new AppendGroup({ append, makeReady }, { entriesMax: 8 });
    for (const count of [1, 2, 2, 1]) await group.add(pageOf(count));
    expect(said).toEqual(['append 1', 'make ready 4']);
    ends.shift()?.();
    await turn();
    expect(said).toEqual(['append 1', 'make ready 4', 'append 4, ready']);
    const finished = group.finish();
    ends.shift()?.();
    await turn();
    expect(said.at(-1)).toBe('append 1');
    ends.shift()?.();
    await finished;
    expect(group.added).toBe(6);
  });

  it('wait a moment for more where an append has just ended, and no longer', async () => {
    const { said, ends, append } = createAppends();
    const group = new AppendGroup({ append }, { entriesMax: 8, gatheringMs: 300 });
    await group.add(pageOf(1));
    ends.shift()?.();
    await turn();
    await group.add(pageOf(1));
    await group.add(pageOf(1));
    expect(said).toEqual(['append 1']);
    await group.add(pageOf(2));
    expect(said).toEqual(['append 1', 'append 4']);
    await group.add(pageOf(1));
    ends.shift()?.();
    await turn();
    expect(said).toHaveLength(2);
    await delay(400);
    expect(said.at(-1)).toBe('append 1');
    ends.shift()?.();
    await group.finish();
    expect(group.added).toBe(6);
  });

  it('are no more than the most, and a quarter of it behind what was made ready', async () => {
    const { ends, append, makeReady } = createAppends();
    const group = new AppendGroup({ append, makeReady }, { entriesMax: 8 });
    await group.add(pageOf(1));
    await group.add(pageOf(4));
    await group.add(pageOf(1));
    let isAdded = false;
    const adding = group.add(pageOf(1)).then(() => (isAdded = true));
    await turn();
    expect(isAdded).toBe(false);
    ends.shift()?.();
    await adding;
    expect(isAdded).toBe(true);
    const finished = group.finish();
    for (let left = 2; left > 0; left -= 1) {
      await turn();
      ends.shift()?.();
    }
    await finished;
  });

  it.each([
    ['ends', () => delay(60_000, 0, { ref: false })],
    ['fails', () => delay(700).then(failAs('the API is down'))],
  ])(
    'fail before what is waited for beside them %s, also where their append starts meanwhile',
    async (_, other) => {
      const { group, appends } = await failingGroup(300);
      await group.add(pageOf(1));
      expect(appends()).toBe(1);
      expect(await rejectionOf(group.whileAppending(other()))).toMatchObject({
        message: 'the lease is lost',
      });
      await group.settle();
      expect(appends()).toBe(2);
    },
  );

  it('fail before what fails while they gather', async () => {
    const { group } = await failingGroup(60_000);
    await group.add(pageOf(1));
    const failing = group.whileAppending(Promise.reject(new Error('the API is down')));
    expect(await rejectionOf(failing)).toMatchObject({ message: 'the lease is lost' });
  });

  it('end with a failure to make them ready, and nothing behind them is appended', async () => {
    const { said, ends, append } = createAppends();
    const makeReady = async (): Promise<void> => {
      throw new Error('no room to make it ready');
    };
    const group = new AppendGroup({ append, makeReady }, { entriesMax: 8 });
    await group.add(pageOf(1));
    await group.add(pageOf(4));
    await group.add(pageOf(1));
    ends.shift()?.();
    expect(await rejectionOf(group.finish())).toMatchObject({ message: 'no room to make it ready' });
    expect(said).toEqual(['append 1']);
  });
});
