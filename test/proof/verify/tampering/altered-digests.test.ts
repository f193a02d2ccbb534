import { directoryPlace } from '../../../helpers/archive-places.ts';
import { ordinaryArchive, scenarioKeys } from '../../scenario.ts';
import { Tampering } from '../../tampering.ts';
import { describeTampering, payloadText, unknownHash } from './tampering-case.ts';

describeTampering('altered digests', [
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
    tamper: (t) => t.place.remove(t.digestKey(3)),
    finds: { digest_missing: 1, object_not_covered: 1 },
    says: ['The digest 3 of acme is missing', 'between'],
  },
  {
    what: 'several digests missing in the middle',
    tamper: async (t) => {
      for (const number of [2, 3, 4]) await t.place.remove(t.digestKey(number));
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
    build: async (place) => {
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
    what: 'a member of a digest that stands twice, the second one altered',
    tamper: (t) => payloadText(t, 6, (text) => text.replace(/}$/, ',"sink":"another"}')),
    finds: { signature_invalid: 1, digest_foreign: 1 },
    says: ['digests/000000000006.json names the key'],
  },
  {
    what: 'a member of a digest that stands twice, both alike',
    tamper: (t) => payloadText(t, 6, (text) => text.replace('{', '{"number":6,')),
    finds: { signature_invalid: 1 },
    says: ['altered after it was signed'],
  },
  {
    what: 'a number of a digest in another form of the same value',
    tamper: (t) => payloadText(t, 6, (text) => text.replace('"number":6', '"number":6.0e0')),
    finds: { signature_invalid: 1 },
    says: ['altered after it was signed'],
  },
  {
    what: 'a number of a digest that is not exact',
    tamper: (t) => payloadText(t, 6, (text) => text.replace('"entries":10', '"entries":10.5')),
    finds: { digest_unreadable: 1 },
    says: ['entries is not a whole number'],
  },
  {
    what: 'a digest whose payload got white space',
    tamper: (t) => payloadText(t, 6, (text) => `${text} `),
    finds: { signature_invalid: 1 },
    says: ['altered after it was signed'],
  },
]);
