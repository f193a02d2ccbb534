import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnusableBodyError } from '../../src/cloud-api/json-scan.ts';
import { scanAuditPage } from '../../src/cloud-api/page-scanner.ts';
import { textOfLines } from '../../src/line-blocks.ts';
import { damaged, damages } from '../helpers/json-texts.ts';

function scan(text: string | Buffer): ReturnType<typeof scanAuditPage> {
  return scanAuditPage(Buffer.from(text));
}

function raws(text: string): string[] {
  return scan(text).entries.map((entry) => entry.raw.toString('utf8'));
}

function problemOf(text: string | Buffer): UnusableBodyError {
  try {
    scan(text);
  } catch (error) {
    if (error instanceof UnusableBodyError) return error;
    throw error;
  }
  throw new Error('the body was accepted');
}

describe('slicing', () => {
  test('entries keep their bytes: spaces, escapes, number text, key order and double keys', () => {
    const odd = String.raw`{ "b" : 1.0e+2,"a":12345678901234567890, "a":"\u0041\/\"]}\\" ,"é":"\ud800"}`;
    expect(raws(`{"entries":[${odd} , {"id":"2"}],"next_starting_from":"x"}`)).toEqual([odd, '{"id":"2"}']);
  });

  test('entries side by side are a text of lines where they lie, without a copy; others are copied', () => {
    const entries = Array.from({ length: 20 }, (_, index) => ({
      id: `${index}`,
      text: 'x'.repeat(Buffer.poolSize / 10),
    }));
    const expected = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    const compact = scan(JSON.stringify({ entries, next_starting_from: 'x' })).entries;
    const text = textOfLines(compact, 0, compact.length);
    expect(text.toString()).toBe(expected);
    expect(text.buffer).toBe(compact[0]?.raw.buffer);
    const spaced = entries.map((entry) => JSON.stringify(entry)).join(' , ');
    const apart = scan(`{"entries":[${spaced} ]}`).entries;
    expect(textOfLines(apart, 0, apart.length).toString()).toBe(expected);
  });

  test('a pretty-printed answer loses only the white space outside strings', () => {
    const entry = { id: '1', payload: 'a  b\n"c" \\', list: [1, { x: ' ' }] };
    const page = JSON.stringify({ entries: [entry] }, undefined, '\t ').replaceAll('\n', '\r\n');
    expect(raws(page)).toEqual([JSON.stringify(entry)]);
  });

  test('the list is found under an escaped key and among other fields, and only at the top', () => {
    const text = String.raw`{"x":{"entries":[{"id":"no"}]},"\u0065ntries":[{"id":"yes"}],"y":[{"entries":1}]}`;
    expect(raws(text)).toEqual(['{"id":"yes"}']);
  });

  test.each([
    '{}',
    ' {"entries":null}\n',
    '{"entries":[ ]}',
    '{"other":1}',
    '{"entries":[{"id":"1"}],"entries":null}',
  ])('%s has no entries', (text) => {
    expect(scan(text)).toEqual({ entries: [], nextStartingFrom: undefined });
  });

  test('of two lists the last counts, as in JSON.parse', () => {
    expect(raws('{"entries":["no"],"entries":[{"id":"1"}]}')).toEqual(['{"id":"1"}']);
    expect(problemOf('{"entries":[{"id":"1"}],"entries":7}').isCutOff).toBe(false);
  });

  test.each([
    ['"2022-10-09T02:40:35.054818Z"', '2022-10-09T02:40:35.054818Z'],
    [String.raw`"\u0032+"`, '2+'],
    ['null', undefined],
    ['""', undefined],
  ])('next_starting_from %s', (json, expected) => {
    expect(scan(`{"next_starting_from":${json},"entries":[]}`).nextStartingFrom).toBe(expected);
  });
});

describe('bodies that are no page', () => {
  test.each([
    ['HTML', '<html><body>502</body></html>'],
    ['a list', '[{"id":"1"}]'],
    ['null', 'null'],
    ['another type of entries', '{"entries":{"id":"1"}}'],
    ['a string for entries', '{"entries":"[]"}'],
    ['an element that is no object', '{"entries":[{"id":"1"},null]}'],
    ['a nested list as an element', '{"entries":[[{}]]}'],
    ['a position that is no string', '{"next_starting_from":17}'],
    ['something after the object', '{"entries":[]}x'],
    ['two objects', '{"entries":[]}{"entries":[]}'],
    ['a comma too many', '{"entries":[{"id":"1"},]}'],
    ['a comma too many at the top', '{"entries":[],}'],
    ['a comma too few', '{"entries":[{"id":"1"}{"id":"2"}]}'],
    ['a key without quotes', '{entries:[]}'],
    ['a missing colon', '{"entries"[]}'],
    ['brackets that do not match', '{"entries":[{"a":[1}}]}'],
    ['a raw control character in a string', '{"entries":[{"id":"a\u0001"}]}'],
    ['a raw line break in a string', '{"entries":[{"id":"a\n"}]}'],
    ['a wrong escape', String.raw`{"entries":[{"id":"\x"}]}`],
    ['a byte order mark', '\uFEFF{"entries":[]}'],
    ['a wrong number', '{"entries":[{"n":01}]}'],
    ['a value that is missing', '{"entries":,"x":1}'],
  ])('%s', (_name, text) => {
    expect(problemOf(text).isCutOff).toBe(false);
  });

  test('invalid UTF-8 is refused, not replaced', () => {
    const body = Buffer.concat([
      Buffer.from('{"entries":[{"id":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}]}'),
    ]);
    expect(problemOf(body).message).toContain('UTF-8');
  });

  test('a page that is cut at any byte is told apart from one that is wrong', () => {
    const page =
      '{"a":{"b":"\\"["},"c":true,"d":-12,"entries":[{"id":"1","n":-1.5e3},{"id":"2"}],"next_starting_from":"t"}';
    const lengths = Array.from(page, (_character, length) => length);
    expect(lengths.filter((length) => !problemOf(page.slice(0, length)).isCutOff)).toEqual([]);
  });

  test.each(['[', '{"a":'])('nesting with %s is bounded', (open) => {
    expect(problemOf(`{"entries":[{"a":${open.repeat(500_000)}`).message).toContain('deeper than');
    expect(problemOf(`{"x":${open.repeat(500_000)}`).message).toContain('deeper than');
  });

  test('the problem never quotes the body', () => {
    expect(problemOf('{"entries":[{"password":hunter2}]}').message).not.toContain('hunter2');
  });
});

describe('against JSON.parse', () => {
  const page = fc.record(
    {
      entries: fc.oneof(
        fc.constant(null),
        fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())),
      ),
      next_starting_from: fc.oneof(fc.constant(null), fc.string()),
      other: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const space = fc.constantFrom(undefined, 1, '\t', ' \t');

  test('every page reads as the same values, whatever its layout', () => {
    fc.assert(
      fc.property(page, space, (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const parsed = JSON.parse(text) as { entries?: unknown[] | null; next_starting_from?: string | null };
        const scanned = scan(text);
        expect(scanned.entries.map((entry) => entry.fields)).toEqual(parsed.entries ?? []);
        expect(scanned.entries.map((entry) => JSON.parse(entry.raw.toString('utf8')) as unknown)).toEqual(
          parsed.entries ?? [],
        );
        expect(scanned.entries.some((entry) => entry.raw.includes('\n'))).toBe(false);
        expect(scanned.nextStartingFrom ?? '').toBe(parsed.next_starting_from ?? '');
        // Without raw line breaks nothing is dropped; with them only white space is.
        expect(raws(text)).toEqual((parsed.entries ?? []).map((entry) => JSON.stringify(entry)));
      }),
      { numRuns: 400 },
    );
  });

  test('a damaged page is accepted exactly when JSON.parse accepts it as a page', () => {
    const alphabet = '{}[]",:\\ \n019.-eEtrufalsn\u0000é';
    fc.assert(
      fc.property(page, fc.array(damages(alphabet), { minLength: 1, maxLength: 3 }), (value, all) => {
        const text = damaged(JSON.stringify(value), all);
        // A cut surrogate pair can't be written as UTF-8 in the first place.
        if (Buffer.from(text).toString('utf8') !== text) return;
        expect(accepts(() => scan(text))).toBe(accepts(() => judge(text), Error));
      }),
      { numRuns: 3000 },
    );
  });

  test('garbage never does anything but be refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        const body = Buffer.concat([Buffer.from('{"entries":[{"a":'), garbage]);
        expect(accepts(() => scan(body))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

/** What a page is, said with JSON.parse. */
function judge(text: string): void {
  const value = JSON.parse(text) as unknown;
  if (!isObject(value)) throw new Error('not an object');
  const entries = value['entries'] ?? [];
  if (!Array.isArray(entries) || !entries.every((entry) => isObject(entry))) throw new Error('not entries');
  const next = value['next_starting_from'] ?? '';
  if (typeof next !== 'string') throw new TypeError('not a position');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Anything but a refusal in words is a crash, and fails the test. */
function accepts(
  read: () => unknown,
  refusal: new (...values: never[]) => Error = UnusableBodyError,
): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof refusal) return false;
    throw error;
  }
}
