import { parseTimestamp } from '../../../../src/time.ts';
import { directoryPlace } from '../../../helpers/archive-places.ts';
import { ordinaryArchive, Scenario } from '../../scenario.ts';
import { Tampering } from '../../tampering.ts';
import { describeTampering, entries, key3, unknownHash } from './tampering-case.ts';
import { soon } from '../verify-scenario.ts';

describeTampering('objects that are missing, moved or too many', [
  {
    what: 'a missing object',
    tamper: async (t) => t.place.remove(await t.keyOf(21)),
    finds: { object_missing: 1 },
    says: [key3, 'sequences 21 to 30', '10 entries'],
  },
  {
    what: 'a missing first object',
    tamper: async (t) => t.place.remove(await t.keyOf(1)),
    finds: { object_missing: 1 },
    says: ['sequences 1 to 10'],
  },
  {
    what: 'a gap that the exporter itself left',
    build: async (place) => {
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
    build: async (place) => {
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
      for (const number of [1, 2]) await t.place.remove(t.digestKey(number));
      for (const first of [1, 11]) await t.place.remove(await t.keyOf(first));
    },
    finds: { digests_start_late: 1 },
    says: ['begin with number 3', 'the 2 before it are missing'],
  },
  {
    what: 'the newest objects removed',
    tamper: async (t) => t.place.remove(await t.keyOf(51)),
    finds: { object_missing: 1 },
    says: ['sequences 51 to 60'],
  },
  {
    what: 'the newest digests and objects removed, by their age',
    tamper: async (t) => {
      for (const number of [3, 4, 5, 6]) await t.place.remove(t.digestKey(number));
      for (const first of [21, 31, 41, 51]) await t.place.remove(await t.keyOf(first));
    },
    finds: { newest_digest_stale: 1 },
    says: ['digests/000000000002.json', 'more than 26 hours ago'],
  },
  {
    what: 'the newest digest removed, by a witness',
    tamper: async (t) => {
      await t.place.remove(t.digestKey(6));
      await t.place.remove(await t.keyOf(51));
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
      t.place.plant(`${entries}/date=2026-03-02/000000000025.jsonl.gz`, await t.bytes(await t.keyOf(21))),
    finds: { object_not_covered: 1 },
    says: ['000000000025.jsonl.gz is listed by no digest', 'sequence 60'],
  },
  {
    what: 'an object of a foreign name',
    tamper: (t) => t.place.plant(`${entries}/date=2026-03-02/notes.txt`, Buffer.from('hello')),
    finds: { object_foreign: 1 },
    says: ['notes.txt has a name that the archive never gives'],
  },
  {
    what: 'an entry that stands twice, in what the exporter signed',
    build: async (place) => {
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
    build: async (place) => {
      const scenario = await ordinaryArchive(place);
      scenario.skip(5);
      await scenario.object(5);
    },
    tamper: async () => undefined,
    finds: { sequence_gap: 1 },
    says: ['the sequences 61 to 65 are missing'],
  },
  {
    what: 'objects of another organization copied in',
    build: async (place) => {
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
]);
