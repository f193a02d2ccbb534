import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonTape, kinds } from '../../src/json/json-tape.ts';
import { damaged, damages, entryTexts, isJson, jsonTexts } from '../helpers/json-texts.ts';

const tape = new JsonTape();

/** Whether it is one value, and nothing else. */
function accepts(text: string): boolean {
  const bytes = Buffer.from(text);
  return tape.read(bytes, 0, bytes.length) === bytes.length;
}

/** What the tape found, as values. */
function valueOf(bytes: Buffer, node: number): unknown {
  const end = tape.afterOf(node);
  switch (tape.kindOf(node)) {
    case kinds.array: {
      const items: unknown[] = [];
      for (let item = node + 1; item < end; item = tape.afterOf(item)) items.push(valueOf(bytes, item));
      return items;
    }
    case kinds.object: {
      const fields: [string, unknown][] = [];
      for (let key = node + 1; key < end; key = tape.afterOf(key + 1))
        fields.push([String(valueOf(bytes, key)), valueOf(bytes, key + 1)]);
      return Object.fromEntries(fields);
    }
    default:
      return JSON.parse(bytes.toString('utf8', tape.startOf(node), tape.endOf(node)));
  }
}

describe('a tape', () => {
  it('finds the values that JSON.parse finds', () => {
    fc.assert(
      fc.property(entryTexts, (text) => {
        const bytes = Buffer.from(text);
        expect(tape.read(bytes, 0, bytes.length)).toBe(bytes.length);
        expect(valueOf(bytes, 0)).toEqual(JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('takes just what JSON.parse takes, also where a text is damaged or cut off', () => {
    const alphabet = '{}[]",:\\ \n\t0123.-+eEtrufalsnbx/\u0000\u001f\u007fé';
    fc.assert(
      fc.property(
        fc.oneof(jsonTexts, entryTexts),
        fc.array(damages(alphabet), { maxLength: 3 }),
        (whole, all) => {
          const text = damaged(whole, all).trim();
          if (Buffer.from(text).toString('utf8') !== text) return;
          expect(accepts(text)).toBe(isJson(text));
          const cut = text.slice(0, -1).trim();
          expect(accepts(cut)).toBe(isJson(cut));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('finds every byte that a string may not hold, wherever it stands among others', () => {
    for (let byte = 0; byte < 0x80; byte += 1) {
      for (let before = 0; before < 9; before += 1) {
        const text = `"${'a'.repeat(before)}${String.fromCodePoint(byte)}${'é'.repeat(9 - before)}"`;
        expect([byte, before, accepts(text)]).toEqual([byte, before, isJson(text)]);
      }
    }
  });

  it('reads a value in the midst of others, and no further', () => {
    const bytes = Buffer.from('[{"a":"x"},7]');
    expect(tape.read(bytes, 1, bytes.length)).toBe(10);
    expect(tape.read(bytes, 11, bytes.length)).toBe(12);
    expect(tape.read(bytes, 1, 9)).toBe(-1);
    expect(tape.read(bytes, 1, 8)).toBe(-1);
    expect(tape.read(bytes, bytes.length, bytes.length)).toBe(-1);
  });

  it('gives of double keys the last, and none of objects within', () => {
    const bytes = Buffer.from('{"a":1,"b":{"c":2},"a":3,"ab":4}');
    tape.read(bytes, 0, bytes.length);
    const found = ['"a"', '"b"', '"c"', '"ab"'].map((key) => tape.memberOf(0, Buffer.from(key)));
    expect(found.map((node) => (node === -1 ? undefined : valueOf(bytes, node)))).toEqual([
      3,
      { c: 2 },
      undefined,
      4,
    ]);
  });

  it.each([
    [
      'plain text',
      '{"a":"b"}',
      { isAscii: true, hasOddKey: false, hasNumberedEscape: false, hasLineBreak: false },
    ],
    ['other letters', '{"a":"bcdé"}', { isAscii: false, hasOddKey: false }],
    ['other letters in a key', '{"a":{"né":0}}', { isAscii: false, hasOddKey: true }],
    ['an escape in a key', '{"\\t":"b"}', { isAscii: true, hasOddKey: true, hasNumberedEscape: false }],
    ['a character as its number', '["\\u00e9"]', { isAscii: true, hasNumberedEscape: true }],
    ['a line break between values', '["a",\n"b"]', { hasLineBreak: true }],
  ])('tells of %s', (_, text, expected) => {
    expect(accepts(text)).toBe(true);
    expect(tape).toMatchObject(expected);
  });

  it('refuses what is too deep, or too much, for it', () => {
    expect(accepts(`${'['.repeat(128)}${']'.repeat(128)}`)).toBe(true);
    expect(accepts(`${'['.repeat(129)}${']'.repeat(129)}`)).toBe(false);
    expect(accepts(`[${'0,'.repeat(4094)}0]`)).toBe(true);
    expect(accepts(`[${'0,'.repeat(4095)}0]`)).toBe(false);
    expect(accepts(`{"a":0${',"a":0'.repeat(2047)}}`)).toBe(false);
    expect(accepts('[1]')).toBe(true);
  });
});
