import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unescapeInto } from '../../src/json/json-string.ts';

/** What the text of a string means; undefined where it is left to others. */
function unescaped(text: string): string | undefined {
  const source = Buffer.from(text);
  const target = Buffer.alloc(source.length + 1);
  const end = unescapeInto(source, { start: 1, end: source.length - 1 }, target, 1);
  return end === -1 ? undefined : target.toString('utf8', 1, end);
}

const characters = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 1 }).map((one) => JSON.stringify(one).slice(1, -1)),
  fc.nat(0x7f).map((one) => `\\u${one.toString(16).padStart(4, '0')}`),
  fc.nat(0x7f).map((one) => `\\u${one.toString(16).toUpperCase().padStart(4, '0')}`),
  fc.constantFrom('\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '\\"', '\\\\', 'é', '🐘'),
);

describe('the content of a string', () => {
  it('is what JSON.parse makes of it, or left to that', () => {
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 12 }), (pieces) => {
        const text = `"${pieces.join('')}"`;
        const expected = JSON.parse(text) as string;
        const isLeft = /\\u(?!00[0-7])/i.test(text.replaceAll('\\\\', ''));
        expect(unescaped(text)).toBe(isLeft ? undefined : expected);
      }),
      { numRuns: 2000 },
    );
  });
});
