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

  it('is what sorting the parsed entry gives, with a payload of any kind, few fields or many', () => {
    const json = fc.jsonValue({ maxDepth: 3, noUnicodeString: false }).filter(isWithoutFractions);
    const payload = fc.oneof(
      json,
      json.map((value) => JSON.stringify(value)),
      json.map((value) => JSON.stringify(value, null, 1)),
      fc.string(),
    );
    const fields = fc.dictionary(fc.string({ maxLength: 3 }), json, { maxKeys: 60 });
    fc.assert(
      fc.property(fields, payload, (others, value) => {
        const entry = { ...others, payload: value };
        expect(canonicalForm(JSON.stringify(entry))).toBe(sortedText(entry));
      }),
    );
  });

  it('takes the last of double keys, wherever they stand', () => {
    expect(canonicalForm('{"b":1,"a":1,"b":2,"a":2,"a":3}')).toBe('{"a":3,"b":2}');
    const many = Array.from({ length: 40 }, (_, index) => `"k${index % 4}":${index}`).join();
    expect(canonicalForm(`{${many}}`)).toBe('{"k0":36,"k1":37,"k2":38,"k3":39}');
  });
});

function isWithoutFractions(value: unknown): boolean {
  // Number text is kept, and only that of integers is sure to be the same once it was parsed.
  return !/\d[.eE]|-0/.test(JSON.stringify(value));
}

/** The rule said plainly: parse, decode the payload, leave out what counts as absent, sort. */
function sortedText(entry: Record<string, unknown>): string {
  const kept = Object.entries(entry).map(([key, value]) => [key, key === 'payload' ? decoded(value) : value]);
  const present = kept.filter(([, value]) => !['null', '""', '[]', '{}'].includes(JSON.stringify(value)));
  return sorted(Object.fromEntries(present) as Record<string, unknown>);
}

function decoded(payload: unknown): unknown {
  if (typeof payload !== 'string') return payload;
  try {
    return JSON.parse(payload) as unknown;
  } catch {
    return payload;
  }
}

function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, member]) => [JSON.stringify(key), sorted(member)] as const,
  );
  const byKey = members.toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${byKey.map((member) => member.join(':')).join()}}`;
}
