import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBytes } from '../../src/reader/canonical-bytes.ts';
import { canonicalForm } from '../../src/reader/canonical.ts';
import { entryTexts } from '../helpers/json-texts.ts';

function bytesOf(text: string): string | undefined {
  return canonicalBytes(Buffer.from(text))?.toString('utf8');
}

const usual =
  '{"id":"3f82655a-b601-4eed-b792-20396e8669a5","trace_id":"977c","source":"AUDIT_LOG_SOURCE_UI","user_email":"a@example.com",' +
  '"service_account_name":"","cluster_name":"rapid-moose","payload":"{\\"request\\": {\\"name\\": \\"key-330d\\", \\"id\\": \\"CC\\"}}",' +
  '"metadata":{"ip_address":"203.0.113.180"},"error":"","created_at":"2025-10-23T18:54:28.567323Z"}';

describe('the canonical form as bytes', () => {
  it('is that of the text, or left to it, whatever the entry is', () => {
    expect(() => {
      fc.assert(
        fc.property(entryTexts, (text) => (bytesOf(text) ?? canonicalForm(text)) === canonicalForm(text)),
        { numRuns: 3000 },
      );
    }).not.toThrow();
  });

  it.each([
    ['an entry as they are', usual],
    ['a payload that is an object', '{"payload":{"b":[1,{"c":null}],"a":"x"},"id":"1"}'],
    ['a payload that holds no JSON', '{"payload":"Cluster was resized","id":"1"}'],
    ['a payload with escapes in it', '{"payload":"{\\"a\\":\\"say \\\\\\"hi\\\\\\"\\"}"}'],
    ['double keys', '{"b":1,"a":1,"b":2,"a":{},"a":3}'],
    [
      'keys that begin alike',
      '{"abcdf":1,"abcde":2,"abcd":3,"abc":4,"ab":5,"a" :6,"":7,"a":8,"a b":9,"abc d":10,"a" :11}',
    ],
    ['empty fields', '{"a":"","b":[],"c":{},"d":null,"e":"null"}'],
    ['other letters', '{"user":"Zoë 🐘"}'],
  ])('is made without the text for %s', (_, text) => {
    expect(bytesOf(text)).toBe(canonicalForm(text));
  });

  it.each([
    ['a large one', `{"a":"${'x'.repeat(40_000)}"}`],
    ['a deep one', `{"a":${'['.repeat(600)}${']'.repeat(600)}}`],
    ['many fields', `{${Array.from({ length: 70 }, (_, index) => `"k${index}":${index}`).join()}}`],
    ['keys in other letters', '{"ключ":1}'],
    ['a payload with half a pair', '{"payload":"[\\"\\ud800\\"]"}'],
  ])('is left to the text for %s', (_, text) => {
    expect(bytesOf(text)).toBeUndefined();
    expect(bytesOf(usual)).toBe(canonicalForm(usual));
  });
});
