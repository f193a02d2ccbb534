import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBytes } from '../../src/reader/canonical-bytes.ts';
import { canonicalForm } from '../../src/reader/canonical.ts';

/** Whole texts, of which some are no JSON where they stand as a payload. */
const numbers = fc.constantFrom(
  '0',
  '-0',
  '1',
  '-12',
  '12345678901234567890',
  '1.50',
  '1e5',
  '-1.0E-07',
  '01',
  '1.',
  '.5',
  '+1',
  '-',
);
const spaces = fc.constantFrom('', '', '', ' ', '\n', '\t \r\n');
const strings = fc.oneof(
  fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text)),
  fc.string({ unit: 'binary', maxLength: 4 }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '""',
    '"a"',
    '"a b"',
    '"\\u0041\\/"',
    '"\\""',
    '"\\\\"',
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"é"',
    '"[[{"',
    '"payload"',
    '"\\u0070ayload"',
  ),
);
const keys = fc.oneof(
  fc.constantFrom('"a"', '"b"', '"a b"', '"payload"', '"a-"', '"é"', '"\\u0061"', '""'),
  strings,
);

const { json } = fc.letrec<{ json: string; list: string; object: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false', '[]', '{}'),
    numbers,
    strings,
    tie('list'),
    tie('object'),
  ),
  list: fc
    .tuple(fc.array(tie('json'), { maxLength: 4 }), spaces)
    .map(([items, space]) => `[${space}${items.join(`${space},${space}`)}${space}]`),
  object: fc
    .tuple(fc.array(fc.tuple(keys, tie('json')), { maxLength: 6 }), spaces)
    .map(([fields, space]) => objectText(fields, space)),
}));

function objectText(fields: readonly (readonly [key: string, value: string])[], space: string): string {
  const texts = fields.map(([key, value]) => `${key}${space}:${space}${value}`);
  return `{${space}${texts.join(`${space},${space}`)}${space}}`;
}

/** As the page scanner lets it through: anything that is JSON. */
const entries = fc
  .tuple(
    fc.array(fc.tuple(keys, json), { maxLength: 8 }),
    fc.oneof(
      json,
      json.map((text) => JSON.stringify(text)),
      fc.string().map((text) => JSON.stringify(text)),
    ),
    spaces,
  )
  .map(([fields, payload, space]) => objectText([...fields, ['"payload"', payload]], space))
  .filter(isJson);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

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
        fc.property(entries, (text) => (bytesOf(text) ?? canonicalForm(text)) === canonicalForm(text)),
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
