import { gunzipSync, gzipSync } from 'node:zlib';
import { sinkEntry } from '../../../helpers/sink-entries.ts';
import { Scenario } from '../../scenario.ts';
import { describeTampering, flip, key3, unknownHash } from './tampering-case.ts';
import { soon } from '../verify-scenario.ts';

describeTampering('altered objects', [
  {
    what: 'swapped objects',
    tamper: async (t) => t.swap(await t.keyOf(1), await t.keyOf(11)),
    finds: { object_altered: 2 },
    says: ['000000000001.jsonl.gz is not what was signed'],
  },
  {
    what: 'swapped lines',
    tamper: (t) => t.lines(11, ([one = '', other = '', ...rest]) => [other, one, ...rest]),
    finds: { object_altered: 1 },
    says: ['000000000011.jsonl.gz is not what was signed'],
  },
  {
    what: 'an edited line, packed again',
    tamper: (t) => t.lines(11, (lines) => lines.map((line) => line.replace('someone', 'nobody'))),
    finds: { object_altered: 1 },
    says: ['another content'],
  },
  {
    what: 'a line less',
    tamper: (t) => t.lines(11, (lines) => lines.slice(0, -1)),
    finds: { object_altered: 1, entry_count_wrong: 1 },
    says: ['000000000011.jsonl.gz'],
  },
  {
    what: 'a line more, of an id that is there already',
    tamper: (t) => t.lines(51, ([first = '', ...rest]) => [first, ...rest, first]),
    finds: { object_altered: 1, entry_count_wrong: 1, id_double: 1 },
    says: ['000000000051.jsonl.gz'],
  },
  {
    what: 'a flipped bit in the stored bytes',
    tamper: async (t) => t.replace(await t.keyOf(21), (bytes) => flip(bytes, bytes.length - 6)),
    finds: { gzip_invalid: 1, object_altered: 1 },
    says: [key3, 'exactly one whole gzip member', 'checksum'],
  },
  {
    what: 'a flipped bit in the gzip header, which no reader would notice',
    tamper: async (t) => t.replace(await t.keyOf(21), (bytes) => flip(bytes, 9)),
    finds: { object_repacked: 1 },
    says: [key3, 'other bytes were stored'],
  },
  {
    what: 'an object packed again',
    tamper: async (t) => t.replace(await t.keyOf(21), (bytes) => gzipSync(gunzipSync(bytes), { level: 1 })),
    finds: { object_repacked: 1 },
    says: ['holds the signed entries'],
  },
  {
    what: 'a second gzip member',
    tamper: async (t) =>
      t.replace(await t.keyOf(21), (bytes) => Buffer.concat([bytes, gzipSync('{"id":"smuggled"}\n')])),
    finds: { gzip_invalid: 1, object_altered: 1 },
    says: [key3, 'bytes after its end'],
  },
  {
    what: 'garbage behind an object',
    tamper: async (t) => t.replace(await t.keyOf(21), (bytes) => Buffer.concat([bytes, Buffer.from('\0')])),
    finds: { gzip_invalid: 1, object_altered: 1 },
    says: ['bytes after its end'],
  },
  {
    what: 'an object cut off',
    tamper: async (t) => t.replace(await t.keyOf(21), (bytes) => bytes.subarray(0, -10)),
    finds: { gzip_invalid: 1, object_altered: 1 },
    says: [key3],
  },
  {
    what: 'an empty object',
    tamper: async (t) => t.replace(await t.keyOf(21), () => Buffer.alloc(0)),
    finds: { gzip_invalid: 1, object_altered: 1 },
    says: ['It is not gzip'],
  },
  {
    what: 'lines that end like on Windows',
    tamper: (t) => t.lines(21, ([first = '', ...rest]) => [`${first.slice(0, -3)}"}\r`, ...rest]),
    finds: { object_altered: 1, line_carriage_return: 1 },
    says: ['carriage return in line 1'],
  },
  {
    what: 'a line that is not JSON',
    tamper: (t) => t.lines(21, ([one = '', two = '', ...rest]) => [one, two.slice(0, -1), ...rest]),
    finds: { object_altered: 1, line_not_json: 1 },
    says: [key3, 'line 2'],
  },
  {
    what: 'a line that is not an object',
    tamper: (t) => t.lines(21, ([, ...rest]) => ['[]', ...rest]),
    finds: { object_altered: 1, line_not_json: 1 },
    says: ['line 1'],
  },
  {
    what: 'an empty line',
    tamper: (t) => t.lines(21, ([, ...rest]) => ['', ...rest]),
    finds: { object_altered: 1, line_not_json: 1 },
    says: ['line 1'],
  },
  {
    what: 'an entry of another day',
    tamper: (t) => t.lines(21, ([one = '', ...rest]) => [one.replace('2026-03-02T', '2026-02-02T'), ...rest]),
    finds: { object_altered: 1, wrong_day: 1 },
    says: [key3, 'an entry of 2026-02-02T', 'line 1'],
  },
  {
    what: 'a last line that was left unfinished',
    tamper: async (t) => t.replace(await t.keyOf(21), (bytes) => gzipSync(gunzipSync(bytes).subarray(0, -1))),
    finds: { object_altered: 1, last_line_unfinished: 1 },
    says: ['ends without a line break, in line 10'],
  },
  {
    what: 'an object that unpacks to nothing',
    tamper: async (t) => t.replace(await t.keyOf(21), () => gzipSync('')),
    finds: { object_altered: 1, entry_count_wrong: 2 },
    says: ['holds no entry'],
  },
  {
    what: 'an object cut off within its header',
    tamper: async (t) => t.replace(await t.keyOf(21), (bytes) => bytes.subarray(0, 9)),
    finds: { gzip_invalid: 1, object_altered: 1 },
    says: ['It is not gzip'],
  },
  {
    what: 'an object that is a header and a trailer',
    tamper: async (t) =>
      t.replace(await t.keyOf(21), (bytes) => Buffer.concat([bytes.subarray(0, 10), bytes.subarray(-8)])),
    finds: { gzip_invalid: 1, object_altered: 1 },
    says: [key3, 'exactly one whole gzip member'],
  },
  {
    what: 'entries without an id that repeat',
    build: async (place) => {
      const scenario = new Scenario(place);
      const raw = '{"action":"X","created_at":"2026-03-01T01:00:00Z"}';
      await scenario.object(2, (sequence) =>
        sinkEntry({ sequence, raw, id: `sha256:${unknownHash}`, createdAt: scenario.now }),
      );
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: async () => undefined,
    finds: { id_double: 1, first_entry_wrong: 1, last_entry_wrong: 1 },
    says: ['begins with another entry'],
  },
]);
