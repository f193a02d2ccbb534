import { describe, expect, it } from 'vitest';
import { compareWithTruth, printedFindings, sequenceFindings } from './check-contents.ts';
import type { HeldEntry } from './held.ts';

const held: readonly HeldEntry[] = ['a', 'b', 'c', 'd'].map((raw, index) => ({ sequence: index + 1, raw }));
const truth = held.map(({ raw }) => raw);
const without = (sequence: number): HeldEntry[] => held.filter((entry) => entry.sequence !== sequence);

describe('the checker of sinks', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(sequenceFindings('disk', held)).toEqual([]);
    expect(compareWithTruth('disk', held, truth)).toEqual([]);
    expect(printedFindings([...held.slice(0, 3), ...held.slice(1)])).toEqual([]);
  });

  it.each([
    ['a missing entry', without(3), 'missing before: sequence 4 stands where 3 belongs'],
    ['a doubled entry', [...held.slice(0, 2), ...held.slice(1)], 'sequence 2 stands where 3 belongs'],
    ['entries in another order', held.toReversed(), 'sequence 4 stands where 1 belongs'],
  ])('finds %s by the sequences', (_, wrong, sentence) => {
    expect(sequenceFindings('disk', wrong)).toEqual([expect.stringContaining(sentence)]);
  });

  it('takes a parked entry for no gap', () => {
    expect(sequenceFindings('warehouse', without(3), new Set([3]))).toEqual([]);
  });

  it.each([
    ['missing', without(2), 'missing, 1 in all: b'],
    ['doubled', [...held, { sequence: 5, raw: 'b' }], 'doubled or altered, 1 in all: b'],
    ['altered', [...without(4), { sequence: 4, raw: 'D' }], '2 in all: D'],
  ])('finds an entry that is %s by its text', (_, wrong, sentence) => {
    expect(compareWithTruth('disk', wrong, truth).join('\n')).toContain(sentence);
  });

  it('finds what was printed in two versions, too early, or cut', () => {
    expect(printedFindings([...held, { sequence: 2, raw: 'B' }])).toEqual([
      'console: sequence 2 was printed in two versions',
    ]);
    expect(printedFindings(without(2))).toEqual(['console: sequence 3 was printed first after 1']);
    expect(printedFindings([{ sequence: Number.NaN, raw: '{"organ' }])).toHaveLength(1);
  });
});
