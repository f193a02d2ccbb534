import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalForm } from '../../src/reader/canonical.ts';

describe('the canonical form of an entry', () => {
  it('is the same for a payload printed as an object and as a string', () => {
    const asObject = '{"id":"1","payload":{"b":1,"a":"x"}}';
    const asString = '{"payload":"{\\"a\\": \\"x\\", \\"b\\": 1}","id":"1"}';
    expect(canonicalForm(asString)).toBe(canonicalForm(asObject));
  });

  it('keeps number text that a double would lose', () => {
    expect(canonicalForm('{"n":12345678901234567890}')).not.toBe(canonicalForm('{"n":12345678901234567891}'));
  });

  it.each(['null', '""', '[]', '{}'])('takes %s at the top level for an absent field', (value) => {
    expect(canonicalForm(`{"id":"1","metadata":${value}}`)).toBe(canonicalForm('{"id":"1"}'));
  });

  it('does not take an empty value inside a field for an absent one', () => {
    expect(canonicalForm('{"metadata":{"ip_address":""}}')).not.toBe(canonicalForm('{"metadata":{}}'));
  });

  it('does not depend on escapes, white space or the order of keys', () => {
    expect(canonicalForm('{ "a" : "\\u0041\\/" ,\n "b":[ 1 , 2 ] }')).toBe(
      canonicalForm('{"b":[1,2],"a":"A/"}'),
    );
  });

  it('keeps a payload string that holds no JSON', () => {
    expect(canonicalForm('{"payload":"not json"}')).toBe('{"payload":"not json"}');
  });

  it('takes an entry that is nested too deep for what it is, without an overflow', () => {
    const deep = `{"id":"1","payload":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    expect(canonicalForm(deep)).toBe(deep);
  });

  it('says the same as JSON.parse about equality of objects without numbers', () => {
    const value = fc.jsonValue({ maxDepth: 4 }).filter((json) => !JSON.stringify(json).match(/\d/));
    fc.assert(
      fc.property(value, fc.constantFrom('', ' ', '\n\t'), (json, space) => {
        const entry = { field: json };
        const plain = canonicalForm(JSON.stringify(entry));
        expect(canonicalForm(JSON.stringify(entry, null, space))).toBe(plain);
        // A field that counts as absent is left out.
        const expected: unknown = plain === '{}' ? {} : JSON.parse(JSON.stringify(entry));
        expect(JSON.parse(plain)).toEqual(expected);
      }),
    );
  });
});
