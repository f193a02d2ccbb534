import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FindingCode } from '../../../src/proof/verify/findings.ts';
import type { VerifyReport } from '../../../src/proof/verify/report.ts';
import { verifyArchive, type VerifyOptions } from '../../../src/proof/verify/verify-archive.ts';
import { parseTimestamp } from '../../../src/time.ts';
import { directoryPlace, type ArchivePlace } from '../../helpers/archive-places.ts';
import { sinkEntry } from '../../helpers/sink-entries.ts';
import { ordinaryArchive, Scenario, scenarioKeys, Tampering } from '../scenario.ts';

const { signal } = new AbortController();
const entries = 'organization=acme/entries';
const unknownHash = '0'.repeat(64);
/** An hour after the newest digest of the ordinary archive. */
const soon = Date.parse('2026-03-03T08:00:00Z');

let place: ArchivePlace;

beforeEach(async () => {
  place = await directoryPlace();
});

afterEach(async () => {
  await place.dispose();
});

async function verify(options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  const store = place.store();
  try {
    return await verifyArchive({
      store,
      hasVersions: false,
      keys: [scenarioKeys.first.publicKey],
      allowUnsigned: false,
      version: '0.0.0',
      now: () => soon,
      signal,
      ...options,
    });
  } finally {
    await store.close();
  }
}

interface Case {
  readonly what: string;
  readonly build?: () => Promise<unknown>;
  readonly tamper: (tampering: Tampering) => Promise<unknown>;
  readonly options?: Partial<VerifyOptions>;
  /** Every code that is found, and how often. */
  readonly finds: Partial<Record<FindingCode, number>>;
  /** Parts of one finding's message. */
  readonly says: readonly string[];
}

const key3 = `${entries}/date=2026-03-02/000000000021.jsonl.gz`;

const cases: readonly Case[] = [
  {
    what: 'a missing object',
    tamper: async (t) => place.remove(await t.keyOf(21)),
    finds: { object_missing: 1 },
    says: [key3, 'sequences 21 to 30', '10 entries'],
  },
  {
    what: 'a missing first object',
    tamper: async (t) => place.remove(await t.keyOf(1)),
    finds: { object_missing: 1 },
    says: ['sequences 1 to 10'],
  },
  {
    what: 'a gap that the exporter itself left',
    build: async () => {
      const scenario = new Scenario(place);
      await scenario.object(5);
      scenario.skip(3);
      await scenario.object(5);
      await scenario.digest();
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: async () => undefined,
    finds: { sequence_gap: 1 },
    says: ['the sequences 6 to 8 are missing before', '000000000009.jsonl.gz'],
  },
  {
    what: 'objects that overlap',
    build: async () => {
      const scenario = new Scenario(place);
      await scenario.object(5);
      scenario.skip(-2);
      await scenario.object(5);
      await scenario.digest();
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: async () => undefined,
    finds: { sequence_overlap: 1, id_double: 2 },
    says: ['begins with sequence 4', 'ends with 5'],
  },
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
    what: 'the folder of a day renamed',
    tamper: async (t) => {
      await t.move(await t.keyOf(21), `${entries}/date=2026-03-09/000000000021.jsonl.gz`);
      await t.move(await t.keyOf(31), `${entries}/date=2026-03-09/000000000031.jsonl.gz`);
    },
    finds: { object_moved: 2, wrong_day: 20 },
    says: [`${key3} is not in its place`, 'date=2026-03-09/000000000021'],
  },
  {
    what: 'the first digests and objects removed',
    tamper: async (t) => {
      for (const number of [1, 2]) await place.remove(t.digestKey(number));
      for (const first of [1, 11]) await place.remove(await t.keyOf(first));
    },
    finds: { digests_start_late: 1 },
    says: ['begin with number 3', 'the 2 before it are missing'],
  },
  {
    what: 'the newest objects removed',
    tamper: async (t) => place.remove(await t.keyOf(51)),
    finds: { object_missing: 1 },
    says: ['sequences 51 to 60'],
  },
  {
    what: 'the newest digests and objects removed, by their age',
    tamper: async (t) => {
      for (const number of [3, 4, 5, 6]) await place.remove(t.digestKey(number));
      for (const first of [21, 31, 41, 51]) await place.remove(await t.keyOf(first));
    },
    finds: { newest_digest_stale: 1 },
    says: ['digests/000000000002.json', 'more than 26 hours ago'],
  },
  {
    what: 'the newest digest removed, by a witness',
    tamper: async (t) => {
      await place.remove(t.digestKey(6));
      await place.remove(await t.keyOf(51));
    },
    options: { heads: [unknownHash] },
    finds: { head_unknown: 1 },
    says: [unknownHash],
  },
  {
    what: 'digests that end before the time that was demanded',
    tamper: async () => undefined,
    options: { to: parseTimestamp('2026-03-04T00:00:00Z') },
    finds: { digests_end_early: 1 },
    says: ['digests up to 2026-03-04T00:00:00.000000Z were demanded'],
  },
  {
    what: 'an object that nobody listed',
    tamper: async (t) =>
      place.plant(`${entries}/date=2026-03-02/000000000025.jsonl.gz`, await t.bytes(await t.keyOf(21))),
    finds: { object_not_covered: 1 },
    says: ['000000000025.jsonl.gz is listed by no digest', 'sequence 60'],
  },
  {
    what: 'an object of a foreign name',
    tamper: () => place.plant(`${entries}/date=2026-03-02/notes.txt`, Buffer.from('hello')),
    finds: { object_foreign: 1 },
    says: ['notes.txt has a name that the archive never gives'],
  },
  {
    what: 'an entry that stands twice, in what the exporter signed',
    build: async () => {
      const scenario = new Scenario(place, { idOf: (sequence) => `entry-${sequence === 14 ? 3 : sequence}` });
      await scenario.object(10);
      await scenario.object(10);
      await scenario.digest();
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: async () => undefined,
    finds: { id_double: 1 },
    says: ['line 3 of', '000000000001.jsonl.gz', 'line 4 of', '000000000011.jsonl.gz'],
  },
  {
    what: 'entries that were not signed yet, with a gap before them',
    build: async () => {
      const scenario = await ordinaryArchive(place);
      scenario.skip(5);
      await scenario.object(5);
    },
    tamper: async () => undefined,
    finds: { sequence_gap: 1 },
    says: ['the sequences 61 to 65 are missing'],
  },
  {
    what: 'a digest signed again by another key',
    tamper: (t) => t.reseal(6, scenarioKeys.stranger),
    finds: { signature_untrusted: 1 },
    says: ['digests/000000000006.json', scenarioKeys.stranger.publicKey.keyId, 'not trusted'],
  },
  {
    what: 'a whole archive signed again by another key',
    tamper: async (t) => {
      for (const number of [1, 2, 3, 4, 5, 6]) await t.reseal(number, scenarioKeys.stranger);
    },
    finds: { signature_untrusted: 6 },
    says: [scenarioKeys.stranger.publicKey.keyId],
  },
  {
    what: 'an archive of another exporter in place of this one',
    build: () => ordinaryArchive(place, { key: scenarioKeys.stranger }),
    tamper: async () => undefined,
    finds: { signature_untrusted: 6 },
    says: ['not trusted'],
  },
  {
    what: 'the signature of a digest in the middle removed',
    tamper: (t) => t.reseal(3, undefined),
    finds: { digest_unsigned: 1 },
    says: ['digests/000000000003.json is not signed'],
  },
  {
    what: 'an archive that was never signed',
    build: () => ordinaryArchive(place, { key: undefined }),
    tamper: async () => undefined,
    finds: { archive_unsigned: 1 },
    says: ['None of the 6 digests of acme is signed', '--allow-unsigned'],
  },
  {
    what: 'signatures without a key to check them',
    tamper: async () => undefined,
    options: { keys: [] },
    finds: { key_not_given: 1 },
    says: [scenarioKeys.first.publicKey.keyId, '--key FILE'],
  },
  {
    what: 'a digest that was edited',
    tamper: (t) => t.editDigest(3, (payload) => ({ ...payload, createdAt: '2026-03-02T04:00:01.000000Z' })),
    finds: { digest_previous_wrong: 1, signature_invalid: 1 },
    says: ['digests/000000000003.json names the key', 'altered after it was signed'],
  },
  {
    what: 'an object rewritten together with its digest, by somebody without the key',
    tamper: async (t) => {
      await t.lines(51, (lines) => lines.map((line) => line.replace('someone', 'nobody')));
      await t.editDigest(6, (payload) => ({
        ...payload,
        objects: payload.objects.map((object) => ({ ...object, storedSha256: unknownHash })),
      }));
    },
    finds: { signature_invalid: 1, object_chain_broken: 1, object_altered: 1 },
    says: ['digests/000000000006.json names the key'],
  },
  {
    what: 'a fork made by somebody who has the key',
    tamper: (t) =>
      t.reseal(3, scenarioKeys.first, (payload) => ({
        ...payload,
        createdAt: '2026-03-02T04:00:01.000000Z',
      })),
    finds: { digest_chain_forked: 1 },
    says: ['digests/000000000004.json names another digest', 'two chains'],
  },
  {
    what: 'a digest missing in the middle',
    tamper: (t) => place.remove(t.digestKey(3)),
    finds: { digest_missing: 1, object_not_covered: 1 },
    says: ['The digest 3 of acme is missing', 'between'],
  },
  {
    what: 'several digests missing in the middle',
    tamper: async (t) => {
      for (const number of [2, 3, 4]) await place.remove(t.digestKey(number));
    },
    finds: { digest_missing: 1, object_not_covered: 3 },
    says: ['The digests 2 to 4 of acme are missing'],
  },
  {
    what: 'a digest that names itself otherwise',
    tamper: (t) => t.reseal(6, scenarioKeys.first, (payload) => ({ ...payload, number: 9 })),
    finds: { digest_number_wrong: 1 },
    says: ['says that its number is 9'],
  },
  {
    what: 'a digest that names the wrong one before it',
    tamper: (t) =>
      t.reseal(6, scenarioKeys.first, (payload) => ({
        ...payload,
        previous: { number: 4, sha256: unknownHash },
      })),
    finds: { digest_previous_wrong: 1 },
    says: ['names as the one before it number 4'],
  },
  {
    what: 'a first digest with something before it',
    tamper: (t) =>
      t.reseal(1, scenarioKeys.first, (payload) => ({
        ...payload,
        previous: { number: 0, sha256: unknownHash },
      })),
    finds: { digest_previous_wrong: 1, digest_chain_forked: 1 },
    says: ['digests/000000000001.json'],
  },
  {
    what: 'a digest that is not JSON',
    tamper: (t) => t.replace(t.digestKey(6), (bytes) => bytes.subarray(1)),
    finds: { digest_unreadable: 1 },
    says: ['digests/000000000006.json', 'not JSON'],
  },
  {
    what: 'a digest whose totals are wrong',
    tamper: (t) =>
      t.reseal(6, scenarioKeys.first, (payload) => ({
        ...payload,
        through: { ...payload.through, entries: 61 },
      })),
    finds: { digest_totals_wrong: 1 },
    says: ['counts 6 objects and 61 entries', 'listed were 6 and 60'],
  },
  {
    what: 'a digest that lists an object of another organization',
    tamper: (t) =>
      t.reseal(6, scenarioKeys.first, (payload) => ({
        ...payload,
        objects: payload.objects.map((object) => ({ ...object, key: object.key.replace('acme', 'globex') })),
      })),
    finds: { digest_inconsistent: 1, object_missing: 1, object_not_covered: 1 },
    says: ['organization=globex/', 'not the name of an object of this archive'],
  },
  {
    what: 'digests of another organization copied in',
    build: async () => {
      await ordinaryArchive(place);
      const other = await directoryPlace();
      try {
        await ordinaryArchive(other, {
          organization: 'globex',
          organizationId: 'id-of-globex',
          ledgerId: 'other',
        });
        const from = new Tampering(other, 'globex');
        await place.plant('organization=acme/digests/000000000006.json', await from.bytes(from.digestKey(6)));
      } finally {
        await other.dispose();
      }
    },
    tamper: async () => undefined,
    finds: {
      digest_foreign: 1,
      digest_chain_forked: 1,
      digest_inconsistent: 1,
      object_chain_broken: 1,
      object_missing: 1,
      object_not_covered: 1,
    },
    says: ['digests/000000000006.json'],
  },
  {
    what: 'objects of another organization copied in',
    build: async () => {
      await ordinaryArchive(place);
      const other = await directoryPlace();
      try {
        await ordinaryArchive(other, { organization: 'globex' });
        const from = new Tampering(other, 'globex');
        await place.plant(key3, await from.bytes(await from.keyOf(21)));
      } finally {
        await other.dispose();
      }
    },
    tamper: async () => undefined,
    finds: { object_altered: 1 },
    says: [key3],
  },
  {
    what: 'a key that nobody announced',
    build: async () => {
      const scenario = await ordinaryArchive(place);
      scenario.now = BigInt(soon) * 1_000_000n;
      scenario.key = scenarioKeys.second;
      await scenario.digest();
    },
    tamper: async () => undefined,
    finds: { signature_untrusted: 1 },
    says: ['digests/000000000007.json', scenarioKeys.second.publicKey.keyId],
  },
  {
    what: 'a key that nobody announced, seen from the newest',
    build: async () => {
      const scenario = await ordinaryArchive(place);
      scenario.now = BigInt(soon) * 1_000_000n;
      scenario.key = scenarioKeys.second;
      await scenario.digest();
    },
    tamper: async () => undefined,
    options: { keys: [scenarioKeys.second.publicKey] },
    finds: { key_unannounced: 1 },
    says: ['digests/000000000007.json', 'did not announce it'],
  },
  {
    what: 'a key that was announced and has signed nothing yet, given alone',
    build: async () => {
      const scenario = await ordinaryArchive(place);
      await scenario.rotate(scenarioKeys.second);
    },
    tamper: async () => undefined,
    options: { keys: [scenarioKeys.second.publicKey] },
    finds: { signature_untrusted: 7 },
    says: ['not trusted', 'give the key before it too (--key)'],
  },
  {
    what: 'a key that goes on signing after it was replaced',
    build: async () => {
      const scenario = await ordinaryArchive(place);
      await scenario.rotate(scenarioKeys.second);
      scenario.now = BigInt(soon) * 1_000_000n;
      scenario.key = scenarioKeys.first;
      await scenario.digest();
    },
    tamper: async () => undefined,
    finds: { key_retired: 1 },
    says: ['digests/000000000008.json', 'an earlier digest replaced'],
  },
  {
    what: 'an announced key that is not the one of its id',
    build: async () => {
      const scenario = await ordinaryArchive(place);
      const { pem } = scenarioKeys.stranger.publicKey;
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest({ nextKey: { keyId: scenarioKeys.second.publicKey.keyId, publicKey: pem } });
    },
    tamper: async () => undefined,
    finds: { digest_inconsistent: 1 },
    says: ['announces a key that is not a public key of that id'],
  },
  {
    what: 'archive.json altered into something else',
    tamper: (t) => t.replace('organization=acme/archive.json', () => Buffer.from('{}')),
    finds: { identity_unreadable: 1 },
    says: ['organization=acme/archive.json is not the identity'],
  },
  {
    what: 'archive.json of another ledger',
    tamper: (t) =>
      t.replace('organization=acme/archive.json', (bytes) =>
        Buffer.from(bytes.toString().replace('ledger-of', 'other-of')),
      ),
    finds: { identity_mismatch: 1 },
    says: ['names the ledger other-of-the-scenario', 'ledger-of-the-scenario'],
  },
  {
    what: 'archive.json of another organization',
    tamper: (t) =>
      t.replace('organization=acme/archive.json', (bytes) =>
        Buffer.from(bytes.toString().replace('"acme"', '"globex"')),
      ),
    finds: { identity_mismatch: 1 },
    says: ['belongs to the organization globex'],
  },
  {
    what: 'archive.json missing',
    tamper: () => place.remove('organization=acme/archive.json'),
    finds: { identity_missing: 1 },
    says: ['organization=acme/archive.json is missing'],
  },
  {
    what: 'a place without an archive',
    build: async () => undefined,
    tamper: async () => undefined,
    finds: { nothing_found: 1 },
    says: ['There is no archive in', 'Nothing was verified'],
  },
  {
    what: 'objects without any digest',
    tamper: async (t) => {
      for (const number of [1, 2, 3, 4, 5, 6]) await place.remove(t.digestKey(number));
    },
    finds: { no_digests: 1 },
    says: ['holds 6 objects and no digest'],
  },
  {
    what: 'entries without an id that repeat',
    build: async () => {
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
];

describe('verify finds', () => {
  test.each(cases)('$what', async ({ build, tamper, options, finds, says }) => {
    await (build ?? (() => ordinaryArchive(place)))();
    await tamper(new Tampering(place));
    const report = await verify(options);
    expect(report.findingCounts).toEqual(finds);
    expect(report.verdict).toBe('failed');
    expect(report.proved).toEqual([]);
    // Of several findings, one tells all of it.
    const messages = report.findings.map(({ message }) => message);
    expect(messages.filter((message) => says.every((part) => message.includes(part)))).not.toEqual([]);
    for (const { message } of report.findings) expect(message).toMatch(/^[A-Zo].*\.$/s);
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[at] = (flipped[at] ?? 0) ^ 1;
  return flipped;
}
