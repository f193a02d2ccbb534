import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandVariables } from '../../config/variables.ts';

describe('variables', () => {
  it('fill a whole value, with the text after :- where they are unset or empty', () => {
    const { value, problems } = expandVariables(
      {
        a: '${A}',
        b: '${B:-x y}',
        c: '${EMPTY:-z}',
        d: '${EMPTY}',
        e: ['${A}', { f: '${B:-}' }],
        g: 5,
        h: null,
      },
      { A: 'one', EMPTY: '' },
    );
    expect(problems).toEqual([]);
    expect(value).toEqual({ a: 'one', b: 'x y', c: 'z', d: '', e: ['one', { f: '' }], g: 5, h: null });
  });

  it.each([
    'a${A}',
    '${A}b',
    '${A}${A}',
    '${A:-x}y}',
    '${A:-${B}}',
    '${1A}',
    '${}',
    '${A',
    '$$${A}',
    'x ${A:-y}',
  ])('are refused in %s', (text) => {
    const { problems } = expandVariables({ key: [text] }, { A: 'one', B: 'two' });
    expect(problems).toMatchObject([{ path: ['key', 0] }]);
    expect(problems[0]?.message).toMatch(/not the whole value/);
  });

  it.each([
    ['$${A}', '${A}'],
    ['pa$$word', 'pa$word'],
    ['pa$word', 'pa$word'],
    ['$', '$'],
    ['$$$$', '$$'],
  ])('are no part of %s', (text, expected) => {
    expect(expandVariables(text, { A: 'one' })).toEqual({ value: expected, problems: [] });
  });

  it('are filled in once: what a variable holds is never looked at again', () => {
    fc.assert(
      fc.property(fc.string(), (held) => {
        expect(expandVariables({ key: '${A}' }, { A: held })).toEqual({ value: { key: held }, problems: [] });
      }),
    );
  });

  it('leave any document alone whose dollars are doubled', () => {
    const document = fc.object({ values: [fc.string(), fc.integer(), fc.boolean(), fc.constant(null)] });
    const double = (value: unknown): unknown => {
      if (typeof value === 'string') return value.replaceAll('$', '$$$$');
      if (Array.isArray(value)) return value.map(double);
      if (value === null || typeof value !== 'object') return value;
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, double(item)]));
    };
    fc.assert(
      fc.property(document, (value) => {
        const result = expandVariables(double(value), {});
        expect(result.problems).toEqual([]);
        expect(result.value).toEqual(Object.fromEntries(Object.entries(value)));
      }),
    );
  });

  it('either come out right or are reported, and never survive half filled', () => {
    const part = fc.constantFrom('$', '{', '}', 'A', 'B', ':-', 'x', '$$', '${', '${A}');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        const { value, problems } = expandVariables(text, { A: 'one' });
        const isHalfFilled = !text.includes('$$') && String(value).includes('${');
        expect({ text, isHalfFilled, isReported: problems.length > 0 }).toEqual({
          text,
          isHalfFilled: false,
          isReported: value === undefined,
        });
      }),
    );
  });
});
