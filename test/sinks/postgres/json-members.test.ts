import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonMembers } from '../../../sinks/postgres/json-members.ts';
import { exoticEntries } from '../../helpers/exotic-entries.ts';

function texts(json: string): Record<string, string> {
  return Object.fromEntries(
    [...jsonMembers(Buffer.from(json))].map(([name, text]) => [name, text.toString()]),
  );
}

describe('the members of a JSON object', () => {
  test('are the exact text of each value', () => {
    expect(texts('{"a":1.50,"b" : [ 1 , "]" ] ,\t"c":{"d":"}\\""},"e":"x\\\\","f":null,"g":-0 }')).toEqual({
      a: '1.50',
      b: '[ 1 , "]" ]',
      c: '{"d":"}\\""}',
      e: '"x\\\\"',
      f: 'null',
      g: '-0',
    });
  });

  test('are none in an empty object', () => {
    expect(texts('{}')).toEqual({});
    expect(texts(' { \n } ')).toEqual({});
  });

  test('go by the decoded name, and the last of equal names counts', () => {
    expect(texts('{"\\u0061":1,"a":2}')).toEqual({ a: '2' });
  });

  test('parse to what the whole object parses to, whatever is in it', () => {
    const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
    const indent = fc.constantFrom('', ' ', '\t', '\n');
    fc.assert(
      fc.property(object, indent, (value, space) => {
        const json = JSON.stringify(value, null, space);
        const parsed = JSON.parse(json) as Record<string, unknown>;
        const members = jsonMembers(Buffer.from(json));
        expect([...members.keys()].toSorted()).toEqual(Object.keys(parsed).toSorted());
        for (const [name, text] of members) expect(JSON.parse(text.toString())).toEqual(parsed[name]);
      }),
    );
  });

  test('are found in every exotic entry', () => {
    for (const { raw } of exoticEntries()) {
      const parsed = JSON.parse(raw.toString()) as Record<string, unknown>;
      expect([...jsonMembers(raw).keys()].toSorted()).toEqual(Object.keys(parsed).toSorted());
    }
  });
});
