import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeForTerminal, escapeJson, escapeLinesForTerminal } from '../../src/cli/escape.ts';

const dangerous = /[\p{Cc}\p{Surrogate}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

/** Text in which what can harm a terminal is common. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\u001b[2J',
        '\u001b]0;title\u0007',
        '\u009b31m',
        '\r',
        '\n',
        '\t',
        '\u202e',
        '\ud800',
        '\u007f',
        '\u0000',
        '\\u001b',
      ),
    ),
  )
  .map((parts) => parts.join(''));

describe('text for a terminal', () => {
  it('never holds anything that a terminal obeys', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(escapeForTerminal(text)).not.toMatch(dangerous);
        expect(escapeLinesForTerminal(text).replaceAll('\n', '')).not.toMatch(dangerous);
      }),
    );
  });

  it('stays as it is where it is harmless', () => {
    for (const text of ['plain', 'Zürich – 東京 🦎', 'back\\slash', "it's", '{"a":1}']) {
      expect(escapeForTerminal(text)).toBe(text);
    }
  });

  it('shows what was taken out', () => {
    expect(escapeForTerminal('\u001b[31mred\u0007\r\n\t\u202e')).toBe(
      '\\u001b[31mred\\u0007\\r\\n\\t\\u202e',
    );
  });

  it('means the same as JSON as before', () => {
    fc.assert(
      fc.property(fc.array(hostile), (value) => {
        const escaped = escapeJson(JSON.stringify(value, null, 2));
        expect(JSON.parse(escaped)).toEqual(value);
        expect(escaped.replaceAll('\n', '')).not.toMatch(dangerous);
      }),
    );
  });
});
