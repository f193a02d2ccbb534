import { describe, expect, it } from 'vitest';
import { compare } from './comparison.ts';
import type { HeldEntry } from './peers/peer.ts';

const truth = new Map([
  ['a', '{"id":"a"}'],
  ['b', '{"id":"b"}'],
  ['c', '{"id":"c"}'],
]);

async function* held(...entries: readonly HeldEntry[]): AsyncGenerator<HeldEntry> {
  yield* entries;
}

describe('what is held beside what there is', () => {
  it('finds nothing where everything is held once, in whatever order', async () => {
    const all = held(...['c', 'a', 'b'].map((id) => ({ id, text: `{"id":"${id}"}` })));
    const nothing = { lost: 0, doubled: 0, foreign: 0, altered: 0 };
    expect(await compare(truth, all)).toEqual({ expected: 3, held: 3, ...nothing });
  });

  it('counts what is lost, each further time of what is doubled, and what nobody wrote', async () => {
    const found = await compare(truth, held({ id: 'a' }, { id: 'a' }, { id: 'a' }, { id: 'b' }, { id: 'x' }));
    expect(found).toMatchObject({ held: 5, lost: 1, doubled: 2, foreign: 1 });
  });

  it('counts other bytes as altered, even where they mean the same', async () => {
    const found = await compare(
      truth,
      held({ id: 'a', text: '{ "id": "a" }' }, { id: 'b', text: '{"id":"b"}' }),
    );
    expect(found.altered).toBe(1);
  });

  it('says nothing of the text where none is held', async () => {
    expect((await compare(truth, held({ id: 'a' }))).altered).toBeUndefined();
  });

  it('counts everything as lost where nothing is held', async () => {
    expect(await compare(truth, held())).toMatchObject({ held: 0, lost: 3, doubled: 0 });
  });
});
