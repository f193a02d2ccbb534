/**
 * Entries that something on the way to a destination tends to alter, refuse or choke on. Every raw text is valid JSON on
 * one line; what makes it exotic is in its name, which is its id as well.
 */
import type { SinkEntry } from '../../sinks/sink.ts';
import { sinkEntry } from './sink-entries.ts';

/** Name and the rest of the entry's JSON text behind `"id":"…"`; written out so that no serializer touches it. */
const members: readonly (readonly [name: string, rest: string])[] = [
  ['escapes kept as they are', String.raw`"error":"\u0041\/\b\f\n\r\t\"\\","payload":{"a":"\u00e9\/é"}`],
  ['key order and spacing', '"z" : 1 , "a":\t2, "payload" : { "b":1,  "a":2 } '],
  ['duplicate keys', '"action":"FIRST","action":"SECOND","payload":{"a":1,"a":2}'],
  [
    'keys of object prototypes',
    '"__proto__":{"x":1},"constructor":null,"toString":"no","payload":{"__proto__":1}',
  ],
  ['NUL in an object payload', String.raw`"payload":{"password":"a\u0000b"}`],
  ['NUL in a key of the payload', String.raw`"payload":{"a\u0000":1}`],
  ['NUL in a string payload', String.raw`"payload":"{\"password\":\"a\\u0000b\"}"`],
  ['NUL in a payload of plain text', String.raw`"payload":"a\u0000b"`],
  ['NUL written as text, behind a backslash', String.raw`"payload":{"path":"C:\\u0000"}`],
  ['NUL in a text field', String.raw`"user_email":"a\u0000b@example.com"`],
  ['lone surrogate in an object payload', String.raw`"payload":{"name":"\ud800"}`],
  ['surrogates the wrong way round', String.raw`"payload":{"name":"\udc00\ud800"}`],
  ['lone surrogate in a string payload', String.raw`"payload":"{\"name\":\"\udbff\"}"`],
  ['lone surrogate in a text field', String.raw`"cluster_name":"a\ud83dz"`],
  ['surrogate pair as escapes', String.raw`"cluster_name":"\ud83d\ude00","payload":{"name":"\uD83D\uDE00"}`],
  [
    'numbers beyond a double',
    '"payload":{"a":12345678901234567890123,"b":0.10000000000000000000001,"c":-0,"d":1E+2}',
  ],
  [
    'numbers beyond a double in a string',
    String.raw`"payload":"{\"a\":12345678901234567890123,\"b\": 1.50}"`,
  ],
  ['a number beyond every range', '"payload":{"a":1e400000}'],
  ['big numbers in text fields', '"cluster_id":12345678901234567890123,"metadata":{"ip_address":1.10}'],
  [
    'other types in text fields',
    '"error":{"code": 5},"user_email":["a"],"source":true,"session_id":0,"trace_id":null',
  ],
  ['metadata is null', '"metadata":null,"payload":null'],
  ['metadata is text', '"metadata":"192.0.2.7","payload":""'],
  ['metadata is a list', '"metadata":[{"ip_address":"192.0.2.7"}],"payload":[]'],
  ['no fields at all', '"x":0'],
  ['empty texts', '"action":"","source":"","user_email":"","error":"","payload":{}'],
  ['unknown action and fields', '"action":"AUDIT_LOG_ACTION_OF_2031","brand_new":{"deep":[1,{"x":null}]}'],
  ['payload is text that is no JSON', '"payload":"created, thanks"'],
  ['payload is a number in text', '"payload":"12345678901234567890.50"'],
  ['payload is null in text', '"payload":"null"'],
  ['payload is a list', '"payload":[1, "two", {"three":3}]'],
  ['payload is a number', '"payload":12345678901234567890.50'],
  ['payload is true', '"payload":true'],
  ['payload under an escaped key', String.raw`"pay\u006coad":{"a":1.0},"payloads":{"payload":2}`],
  ['payload twice', '"payload":{"a":1},"payload":{"b":2.0}'],
  ['braces and quotes inside strings', String.raw`"error":"}]\"{[,:\\","payload":{"x":"\"payload\":{\\"}`],
  ['other alphabets', '"user_email":"юзер@пример.рф","cluster_name":"集群","payload":{"né":"שלום"}'],
  ['outside the first plane', '"cluster_name":"🛰️👩‍👩‍👧","payload":{"𝔘":"\u{10ffff}"}'],
  ['line separators that are not line feeds', '"error":"a\u2028b\u2029c\u0085d","payload":{"x":"\u2028"}'],
  ['byte order mark and zero width', '"user_email":"\ufeffa\u200bb","payload":{"\ufeff":"\u200b"}'],
  ['combining marks are not composed', '"cluster_name":"e\u0301 \u00e9","payload":{"e\u0301":"\u00e9"}'],
  [
    'terminal escapes',
    String.raw`"user_email":"\u001b[31mred\u001b]0;title\u0007","payload":{"x":"\u001b[2J"}`,
  ],
  ['control characters beyond ASCII', '"user_email":"\u009b31m\u007f","payload":{"x":"\u009b2J"}'],
  [
    'what COPY and CSV give a meaning',
    String.raw`"error":"\\.","user_email":"\\N","cluster_name":"a\tb,\"c\"","payload":{"x":"\\."}`,
  ],
  [
    'what SQL gives a meaning',
    `"user_email":"'; DROP TABLE entries; --","cluster_name":"$1","payload":{"x":"''"}`,
  ],
  [
    'what looks like a secret',
    '"payload":{"password":"hunter2","key":"CCDB1_12345abcdefGHIJKLMnopq_NkdXLI9d81Mnx3djs45iwPfgtnaRv0XCh0Z9047K"}',
  ],
];

function rawEntry(name: string, rest: string): string {
  return `{"id":${JSON.stringify(name)},${rest}}`;
}

/** Nested deeper than any parser likes. */
function deepEntry(depth: number): string {
  return rawEntry('deep nesting', `"payload":${'['.repeat(depth)}${']'.repeat(depth)}`);
}

/** About 5 MB of text that does not compress to nothing. */
function hugeEntry(): string {
  const items = Array.from(
    { length: 100_000 },
    (_, index) => `"${(index * 2_654_435_761).toString(36)}é${index % 97}-${'x'.repeat(30)}"`,
  );
  return rawEntry('huge', `"payload":{"items":[${items.join(',')}]}`);
}

/** All of them, from sequence `first` on; the same call gives the same entries. */
export function exoticEntries(first = 1): SinkEntry[] {
  const texts = [...members.map(([name, rest]) => rawEntry(name, rest)), deepEntry(20_000), hugeEntry()];
  return texts.map((raw, index) => sinkEntry({ sequence: first + index, raw }));
}

/** The one of that name. */
export function exoticEntry(name: string, sequence = 1): SinkEntry {
  const found = exoticEntries().find((entry) => entry.id === name);
  if (found === undefined) throw new Error(`there is no exotic entry named ${name}`);
  return { ...found, sequence };
}
