/** What somebody would do who wants an edited object to look like the one that was signed. */
import { crc32, deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { Scenario } from '../../scenario.ts';
import type { Tampering } from '../../tampering.ts';
import { describeTampering, entries, key3 } from './tampering-case.ts';
import { soon } from '../verify-scenario.ts';

describeTampering('objects that were changed so that little shows', [
  {
    what: 'two entries of the same time swapped',
    build: async (place) => {
      const scenario = new Scenario(place);
      const { now } = scenario;
      await scenario.object(3, (sequence) => {
        scenario.now = now - BigInt(sequence) * 1_000n;
        return scenario.entry(sequence);
      });
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: (t) => t.lines(1, ([one = '', two = '', three = '']) => [two, one, three]),
    finds: { object_altered: 1 },
    says: ['000000000001.jsonl.gz is not what was signed'],
  },
  {
    what: 'white space in the text of an entry',
    tamper: (t) => t.lines(21, ([one = '', ...rest]) => [one.replace('":', '": '), ...rest]),
    finds: { object_altered: 1 },
    says: [key3, 'another content'],
  },
  {
    what: 'white space around an entry',
    tamper: (t) => t.lines(21, ([one = '', ...rest]) => [` ${one}\t`, ...rest]),
    finds: { object_altered: 1 },
    says: [key3, 'another content'],
  },
  {
    what: 'a character written as its escape, which decodes to the same',
    tamper: (t) =>
      t.lines(21, ([one = '', ...rest]) => [one.replace('someone', String.raw`\u0073omeone`), ...rest]),
    finds: { object_altered: 1 },
    says: [key3],
  },
  {
    what: 'the members of an entry in another order',
    tamper: (t) =>
      t.lines(21, ([one = '', ...rest]) => [
        JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(one) as object).toReversed())),
        ...rest,
      ]),
    finds: { object_altered: 1 },
    says: [key3],
  },
  {
    what: 'a member that stands twice in an entry, of which readers take either',
    tamper: (t) =>
      t.lines(21, ([one = '', ...rest]) => [
        one.replace('{', '{"user_email":"nobody@example.com",'),
        ...rest,
      ]),
    finds: { object_altered: 1 },
    says: [key3],
  },
  {
    what: 'NUL behind an entry',
    tamper: (t) => t.lines(21, ([one = '', ...rest]) => [`${one}\0\0`, ...rest]),
    finds: { object_altered: 1, line_not_json: 1 },
    says: [key3, 'line 1'],
  },
  {
    what: 'NUL behind the last line, as of a block that was padded',
    tamper: async (t) =>
      t.replace(await t.keyOf(21), (bytes) =>
        gzipSync(Buffer.concat([gunzipSync(bytes), Buffer.alloc(512)])),
      ),
    finds: { object_altered: 1, entry_count_wrong: 1, line_not_json: 1, last_line_unfinished: 1 },
    says: [key3, 'holds 11 entries; its digest lists 10'],
  },
  {
    what: 'a byte order mark before the first entry',
    tamper: (t) => t.lines(21, ([one = '', ...rest]) => [`\uFEFF${one}`, ...rest]),
    finds: { object_altered: 1, line_not_json: 1 },
    says: [key3, 'line 1'],
  },
  {
    what: 'two entries joined in one line',
    tamper: (t) => t.lines(21, ([one = '', two = '', ...rest]) => [`${one}${two}`, ...rest]),
    finds: { object_altered: 1, entry_count_wrong: 1, line_not_json: 1 },
    says: ['holds 9 entries; its digest lists 10'],
  },
  {
    what: 'two objects merged into the first of them',
    tamper: async (t) => {
      const rest = gunzipSync(await t.bytes(key3.replace('21', '31')))
        .toString()
        .trimEnd()
        .split('\n');
      await t.lines(21, (lines) => [...lines, ...rest]);
      await t.place.remove(await t.keyOf(31));
    },
    finds: { object_altered: 1, entry_count_wrong: 1, object_missing: 1 },
    says: ['000000000031.jsonl.gz is missing: sequences 31 to 40'],
  },
  {
    what: 'an entry moved over the border between two objects',
    tamper: async (t) => {
      let moved = '';
      await t.lines(21, (lines) => {
        moved = lines.at(-1) ?? '';
        return lines.slice(0, -1);
      });
      await t.lines(31, (lines) => [moved, ...lines]);
    },
    finds: { object_altered: 2, entry_count_wrong: 2 },
    says: [key3, 'holds 9 entries; its digest lists 10'],
  },
  {
    what: 'an object under the name of its neighbour, with every digest intact',
    tamper: async (t) => t.move(await t.keyOf(21), await t.keyOf(31)),
    finds: { object_missing: 1, object_altered: 1 },
    says: ['000000000031.jsonl.gz is not what was signed'],
  },
  {
    what: 'an object that says it begins one sequence later',
    tamper: async (t) => t.move(await t.keyOf(21), key3.replace('21', '22')),
    finds: { object_missing: 1, object_not_covered: 1 },
    says: ['000000000022.jsonl.gz is listed by no digest'],
  },
  {
    what: 'an object twice, under two days',
    tamper: async (t) =>
      t.place.plant(`${entries}/date=2026-03-03/000000000021.jsonl.gz`, await t.bytes(await t.keyOf(21))),
    finds: { object_not_covered: 1, wrong_day: 10 },
    says: ['date=2026-03-03/000000000021.jsonl.gz is listed by no digest'],
  },
  {
    what: 'a name and a comment in the gzip header, in which something else can be kept',
    tamper: (t) =>
      repack(t, (content) => [
        header(8 | 16),
        'entries.jsonl\0',
        'nothing to see\0',
        deflateRawSync(content),
      ]),
    finds: { object_repacked: 1 },
    says: [key3, 'other bytes were stored'],
  },
  {
    what: 'an extra field in the gzip header',
    tamper: (t) => repack(t, (content) => [header(4), '\x05\x00hello', deflateRawSync(content)]),
    finds: { object_repacked: 1 },
    says: [key3, 'other bytes were stored'],
  },
  {
    what: 'another time in the gzip header',
    tamper: async (t) =>
      t.replace(await t.keyOf(21), (bytes) => {
        const changed = Buffer.from(bytes);
        changed.writeUInt32LE(1_700_000_000, 4);
        return changed;
      }),
    finds: { object_repacked: 1 },
    says: [key3, 'other bytes were stored'],
  },
  {
    what: 'an empty block before the content, which unpacks to nothing',
    tamper: (t) => repack(t, (content) => [header(0), '\x00\x00\x00\xff\xff', deflateRawSync(content)]),
    finds: { object_repacked: 1 },
    says: [key3, 'other bytes were stored'],
  },
]);

function header(flags: number): string {
  return `\x1f\x8b\x08${String.fromCharCode(flags)}\x00\x00\x00\x00\x00\xff`;
}

/** Packs the third object again, in one member of these parts. */
async function repack(t: Tampering, parts: (content: Buffer) => readonly (string | Buffer)[]): Promise<void> {
  await t.replace(await t.keyOf(21), (bytes) => {
    const content = gunzipSync(bytes);
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(crc32(content), 0);
    trailer.writeUInt32LE(content.length, 4);
    const packed = parts(content).map((part) =>
      typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
    );
    return Buffer.concat([...packed, trailer]);
  });
}
