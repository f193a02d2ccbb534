import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineTexts, textOfLines } from '../src/line-blocks.ts';

const lines = fc.array(
  fc.string({ maxLength: 20 }).map((text) => text.replaceAll('\n', ' ')),
  {
    minLength: 1,
    maxLength: 30,
  },
);

function contentOf(entries: readonly { readonly raw: Buffer }[]): string {
  return Buffer.concat([...lineTexts(entries)]).toString('utf8');
}

describe('the content of an object in blocks', () => {
  it('is every line with its line break, wherever the lines lie in memory', () => {
    const layouts = fc.constantFrom(
      'one text',
      'one by one',
      'without line breaks',
      'last one elsewhere',
      'backwards',
    );
    fc.assert(
      fc.property(lines, layouts, (texts, layout) => {
        const expected = `${texts.join('\n')}\n`;
        expect(contentOf(laidOut(texts, layout))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('takes lines that lie together as they are, without a copy', () => {
    const [entry, ...others] = laidOut(['one', 'two', 'three'.repeat(Buffer.poolSize)], 'one text');
    const blocks = [...lineTexts(entry === undefined ? [] : [entry, ...others])];
    expect(blocks).toHaveLength(1);
    expect(blocks[0]?.buffer).toBe(entry?.raw.buffer);
  });

  it('copies a line from the pool, where the line feed behind it is somebody else’s', () => {
    const pool = new ArrayBuffer(Buffer.poolSize);
    const raw = Buffer.from(pool, 0, 8).fill('x');
    const neighbour = Buffer.from(pool, 8, 8).fill('\n');
    const text = textOfLines([{ raw }], 0, 1);
    const [block] = [...lineTexts([{ raw }])];
    neighbour.fill('y');
    expect([text, block].map(String)).toEqual(['xxxxxxxx\n', 'xxxxxxxx\n']);
  });

  it('copies only a little where one line among many lies elsewhere', () => {
    const many = laidOut(
      Array.from({ length: 3000 }, () => 'x'.repeat(999)),
      'one text',
    );
    many[1] = { raw: Buffer.from('x'.repeat(999)) };
    const blocks = [...lineTexts(many)];
    const copied = blocks.filter(({ buffer }) => buffer !== many[0]?.raw.buffer);
    expect(Buffer.concat(blocks).length).toBe(3_000_000);
    expect(copied.reduce((bytes, { length }) => bytes + length, 0)).toBeLessThan(100_000);
  });

  it('begins a new block after about a mebibyte', () => {
    const entries = laidOut(
      Array.from({ length: 30 }, (_, index) => String(index % 10).repeat(100_000)),
      'one text',
    );
    const blocks = [...lineTexts(entries)];
    expect(blocks.map(({ length }) => length)).toEqual([1_100_011, 1_100_011, 800_008]);
  });
});

function laidOut(texts: readonly string[], layout: string): { readonly raw: Buffer }[] {
  if (layout === 'one by one') return texts.map((text) => ({ raw: Buffer.from(text) }));
  const parts = texts.map((text) => Buffer.from(layout === 'without line breaks' ? text : `${text}\n`));
  if (layout === 'backwards') parts.reverse();
  // Larger than Node's pool, of which nothing is taken as it lies.
  const text = Buffer.allocUnsafeSlow(
    Buffer.poolSize + parts.reduce((bytes, { length }) => bytes + length, 0),
  );
  Buffer.concat(parts).copy(text);
  let place = 0;
  const entries = parts.map((part) => {
    const raw = text.subarray(place, place + part.length - (layout === 'without line breaks' ? 0 : 1));
    place += part.length;
    return { raw };
  });
  if (layout === 'backwards') return entries.toReversed();
  const last = texts.at(-1) ?? '';
  return layout === 'last one elsewhere' ? [...entries.slice(0, -1), { raw: Buffer.from(last) }] : entries;
}
