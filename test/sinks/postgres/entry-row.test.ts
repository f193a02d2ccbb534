import { describe, expect, test } from 'vitest';
import { encodeRows, entryRow, type RowMemory } from '../../../sinks/postgres/entry-row.ts';
import { columnText, fieldColumns, takenColumns } from '../../../sinks/postgres/taken-columns.ts';
import { exoticEntries, exoticEntry } from '../../helpers/exotic-entries.ts';

/** The payload column for an entry whose payload is this JSON text. */
function payloadOf(json: string): string | null {
  const { payload } = takenColumns(Buffer.from(`{"id":"x","payload":${json}}`));
  return payload === null ? null : payload.toString();
}

function textsOf(raw: string): Record<string, string | null> {
  const { texts } = takenColumns(Buffer.from(raw));
  return Object.fromEntries(
    [...fieldColumns, 'ip_address'].map((name, index) => [name, texts[index] ?? null]),
  );
}

/** Objects in arrays in objects, with brackets in strings that count for nothing. */
function nested(depth: number): string {
  return `${'[{"]":'.repeat(depth / 2)}"["${'}]'.repeat(depth / 2)}`;
}

describe('the payload column', () => {
  test.each([
    [
      'an object, exactly as written',
      '{"a": 1.50,"b":12345678901234567890123}',
      '{"a": 1.50,"b":12345678901234567890123}',
    ],
    ['a list', '[1, 2]', '[1, 2]'],
    ['a number', '1.0', '1.0'],
    ['true', 'true', 'true'],
    ['a string that holds JSON', String.raw`"{\"a\": 1.50}"`, '{"a": 1.50}'],
    ['a string that holds a number', '"12345678901234567890"', '12345678901234567890'],
    ['a string that holds a string', String.raw`"\"a\""`, '"a"'],
    ['a string that is no JSON', '"done, thanks"', '"done, thanks"'],
    ['an empty string', '""', '""'],
    ['null', 'null', null],
    ['a string that holds null', '" null "', null],
  ])('is JSON for %s', (_what, json, expected) => {
    expect(payloadOf(json)).toBe(expected);
  });

  test.each([
    ['a NUL', String.raw`{"a":"\u0000"}`],
    ['a NUL in a name', String.raw`{"\u0000":1}`],
    ['a NUL behind an escaped backslash', String.raw`{"a":"\\\u0000"}`],
    ['a lone high surrogate', String.raw`{"a":"\uD800"}`],
    ['a lone low surrogate', String.raw`{"a":"\udfff"}`],
    ['a high surrogate before another escape', String.raw`{"a":"\ud800\u0041"}`],
    ['surrogates the wrong way round', String.raw`{"a":"\udc00\ud800"}`],
    ['a NUL inside a string that holds JSON', String.raw`"{\"a\":\"\\u0000\"}"`],
    ['a lone surrogate inside a string that holds JSON', String.raw`"{\"a\":\"\ud800\"}"`],
    ['plain text with a NUL', String.raw`"a\u0000b"`],
    ['plain text with a lone surrogate', String.raw`"a\ud800b"`],
  ])('is null for %s, which jsonb can not hold', (_what, json) => {
    expect(payloadOf(json)).toBeNull();
  });

  test.each([
    ['an escaped backslash before u0000', String.raw`{"a":"\\u0000"}`],
    ['a surrogate pair', String.raw`{"a":"\ud83d\ude00"}`],
    ['other escapes', String.raw`{"a":"\u0001\u00e9\"\\"}`],
  ])('keeps %s', (_what, json) => {
    expect(payloadOf(json)).toBe(json);
  });

  test.each([
    ['an object', (text: string) => text],
    ['a string', (text: string) => JSON.stringify(text)],
  ])('goes as deep as a thousand levels in %s, and no deeper', (_what, write) => {
    expect(payloadOf(write(nested(1000)))).toBe(nested(1000));
    expect(payloadOf(write(nested(1002)))).toBeNull();
    const wide = JSON.stringify(Array.from({ length: 3000 }, () => ['[']));
    expect(payloadOf(write(wide))).toBe(wide);
  });

  test('is null where there is no payload', () => {
    expect(takenColumns(exoticEntry('no fields at all').raw).payload).toBeNull();
  });

  test('is found under an escaped name, and the last of two counts', () => {
    expect(String(takenColumns(exoticEntry('payload under an escaped key').raw).payload)).toBe('{"a":1.0}');
    expect(String(takenColumns(exoticEntry('payload twice').raw).payload)).toBe('{"b":2.0}');
  });
});

describe('the text columns', () => {
  test('are the fields of the same names, the empty ones kept apart from those that are missing', () => {
    const texts = textsOf(
      '{"action":"A","source":"","user_email":"u","cluster_id":null,"trace_id":"t","metadata":{"ip_address":"::1"}}',
    );
    expect(texts).toEqual({
      ...Object.fromEntries(fieldColumns.map((name) => [name, null])),
      action: 'A',
      source: '',
      user_email: 'u',
      trace_id: 't',
      ip_address: '::1',
    });
  });

  test('are the JSON text of values that are not text, digit for digit', () => {
    expect(
      textsOf(
        '{"error":{"code": 5},"user_email":["a"],"source":true,"session_id":0,"cluster_id":12345678901234567890123,"metadata":{"ip_address":1.10}}',
      ),
    ).toMatchObject({
      error: '{"code": 5}',
      user_email: '["a"]',
      source: 'true',
      session_id: '0',
      cluster_id: '12345678901234567890123',
      ip_address: '1.10',
    });
  });

  test('have U+FFFD for what no text column can hold', () => {
    expect(textsOf(String.raw`{"user_email":"a\u0000b\ud800c\ud83d\ude00"}`)['user_email']).toBe(
      'a\ufffdb\ufffdc😀',
    );
    expect(columnText('\0\udc00')).toBe('\ufffd\ufffd');
    expect(columnText('plain')).toBe('plain');
  });

  test.each(['null', '"text"', '[{"ip_address":"a"}]', '7', '{}'])(
    'have no address for metadata %s',
    (metadata) => {
      expect(textsOf(`{"metadata":${metadata}}`)['ip_address']).toBeNull();
    },
  );

  test.each(['[]', '"text"', 'null', '{"cut'])('are all null for %s, which is no entry', (raw) => {
    const row = takenColumns(Buffer.from(raw));
    expect(row.texts.every((text) => text === null)).toBe(true);
    expect(row.payload).toBeNull();
  });
});

describe('the bytes of rows', () => {
  test('are the same in memory that was used before, and stay what they are while it is large enough', () => {
    const rows = exoticEntries().map((entry) => entryRow('acme', entry));
    const few = rows.slice(0, 3);
    const fresh = encodeRows(rows, { bytes: undefined });
    const memory: RowMemory = { bytes: undefined };
    encodeRows(rows, memory);
    const used = memory.bytes;
    expect(encodeRows(few, memory).equals(encodeRows(few, { bytes: undefined }))).toBe(true);
    expect(encodeRows(rows, memory).equals(fresh)).toBe(true);
    expect(memory.bytes).toBe(used);
    expect(encodeRows([...rows, ...rows], memory).length).toBeGreaterThan(fresh.length);
    expect(memory.bytes).not.toBe(used);
  });
});
