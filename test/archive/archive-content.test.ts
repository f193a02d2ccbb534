import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SinkEntry } from '../../sinks/sink.ts';
import { holdsContent, packEntries, summarize, unpackContent } from '../../src/archive/archive-content.ts';
import { deflatePiece, type PackedLines } from '../../src/gzip-pieces.ts';

const { signal } = new AbortController();

function entriesFrom(first: number, count: number): SinkEntry[] {
  return Array.from({ length: count }, (_, index) => {
    const raw = Buffer.from(`{"id":"entry-${first + index}","text":"${'x'.repeat(index % 300)}"}`);
    const sequence = first + index;
    return {
      sequence,
      id: `entry-${sequence}`,
      createdAt: 0n,
      raw,
      rawBytes: raw.length,
      sha256: hash('sha256', raw, 'buffer'),
    };
  });
}

const textOf = (entries: readonly SinkEntry[]): string =>
  entries.map(({ raw }) => `${raw.toString()}\n`).join('');

async function piece(entries: readonly SinkEntry[]): Promise<PackedLines> {
  const text = Buffer.from(textOf(entries));
  const firstSequence = entries[0]?.sequence ?? 0;
  return { ...(await deflatePiece(text, 3)), firstSequence, entries: entries.length };
}

describe('packed entries', () => {
  const entries = entriesFrom(101, 400);
  const places: readonly (readonly [string, readonly (readonly [number, number])[]])[] = [
    ['nothing', []],
    ['everything', [[0, 400]]],
    [
      'everything in pieces',
      [
        [0, 7],
        [7, 300],
        [300, 400],
      ],
    ],
    ['the beginning', [[0, 100]]],
    ['the end', [[399, 400]]],
    [
      'the middle',
      [
        [10, 20],
        [30, 40],
      ],
    ],
  ];

  it.each(places)('are one member of just their lines where %s was packed before', async (_, ranges) => {
    const packed = await Promise.all(ranges.map(([from, to]) => piece(entries.slice(from, to))));
    const { stored, content } = await packEntries({ entries, packed }, { signal });
    expect(content).toEqual(summarize(entries));
    expect(await holdsContent(stored, content, { signal })).toBe(true);
    expect((await unpackContent(stored, content.bytes, { signal }))?.toString()).toBe(textOf(entries));
    for (const { deflated } of packed) expect(stored.includes(deflated)).toBe(true);
  });

  it('take over nothing that is not wholly theirs, or overlaps', async () => {
    const packed = [
      await piece([...entriesFrom(99, 2), ...entries.slice(0, 50)]),
      await piece(entries.slice(60, 90)),
      await piece(entries.slice(80, 100)),
      await piece([...entries.slice(350), ...entriesFrom(501, 3)]),
    ];
    const { stored, content } = await packEntries({ entries, packed }, { signal });
    expect(await holdsContent(stored, content, { signal })).toBe(true);
    expect(packed.map(({ deflated }) => stored.includes(deflated))).toEqual([false, true, false, false]);
  });

  it('take over nothing whose text is longer or shorter than theirs', async () => {
    const strange = await deflatePiece(Buffer.from('something else'), 3);
    const [own, other] = [await piece(entries.slice(0, 100)), await piece(entries.slice(100, 300))];
    const packed = [{ ...own, ...strange }, other];
    const { stored, content } = await packEntries({ entries, packed }, { signal });
    expect(await holdsContent(stored, content, { signal })).toBe(true);
    expect(packed.map(({ deflated }) => stored.includes(deflated))).toEqual([false, true]);
  });

  it('take over nothing where sequences are missing', async () => {
    const some = entries.filter((_, index) => index !== 50);
    const packed = [await piece(entries.slice(0, 100)), await piece(entries.slice(100, 200))];
    const { stored, content } = await packEntries({ entries: some, packed }, { signal });
    expect(await holdsContent(stored, content, { signal })).toBe(true);
    expect((await unpackContent(stored, content.bytes, { signal }))?.toString()).toBe(textOf(some));
  });

  it('ask for no text that is packed already', async () => {
    const packed = [await piece(entries.slice(0, 300)), await piece(entries.slice(300, 390))];
    const asked: number[] = [];
    const watched = entries.map(({ raw, ...entry }) => ({
      ...entry,
      get raw(): Buffer {
        asked.push(entry.sequence);
        return raw;
      },
    }));
    const { stored } = await packEntries({ entries: watched, packed }, { signal });
    expect(Math.min(...asked)).toBe(491);
    expect(await holdsContent(stored, summarize(entries), { signal })).toBe(true);
  });
});
