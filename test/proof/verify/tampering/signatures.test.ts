import { ordinaryArchive, scenarioKeys } from '../../scenario.ts';
import { describeTampering } from './tampering-case.ts';
import { soon } from '../verify-scenario.ts';

describeTampering('signatures and keys', [
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
    build: (place) => ordinaryArchive(place, { key: scenarioKeys.stranger }),
    tamper: async () => undefined,
    finds: { signature_untrusted: 6 },
    says: ['not trusted'],
  },
  {
    what: 'the signature of a digest in the middle removed',
    tamper: (t) => t.reseal(3, undefined),
    finds: { signature_removed: 1 },
    says: ['digests/000000000003.json is not signed', 'digests/000000000006.json says that it was'],
  },
  {
    what: 'the signature of a digest in the middle removed, of a program that did not say that there was one',
    build: (place) => ordinaryArchive(place, { saysSigned: false }),
    tamper: (t) => t.reseal(3, undefined),
    finds: { digest_unsigned: 1 },
    says: ['digests/000000000003.json is not signed, and others are'],
  },
  {
    what: 'the signatures of the first digests removed',
    tamper: async (t) => {
      for (const number of [1, 2, 3]) await t.reseal(number, undefined);
    },
    finds: { signature_removed: 3 },
    says: ['digests/000000000001.json is not signed', 'somebody removed the signature'],
  },
  {
    what: 'the signatures of the first digests removed, which only later ones know of',
    build: async (place) => {
      const scenario = await ordinaryArchive(place, { saysSigned: false });
      scenario.now = BigInt(soon) * 1_000_000n;
      scenario.saysSigned = true;
      await scenario.digest();
    },
    tamper: async (t) => {
      for (const number of [1, 2, 3]) await t.reseal(number, undefined);
    },
    finds: { signature_removed: 3 },
    says: ['digests/000000000001.json is not signed', 'digests/000000000007.json says that it was'],
  },
  {
    what: 'the signatures before and at a rotation removed, seen from the newest key',
    build: async (place) => {
      const scenario = await ordinaryArchive(place);
      await scenario.rotate(scenarioKeys.second);
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: async (t) => {
      for (const number of [1, 2, 3, 4, 5, 6, 7]) await t.reseal(number, undefined);
    },
    options: { keys: [scenarioKeys.second.publicKey] },
    finds: { signature_removed: 7 },
    says: ['digests/000000000007.json is not signed'],
  },
  {
    what: 'the first signature removed of an archive that was not signed in its beginning',
    build: async (place) => {
      const scenario = await ordinaryArchive(place, { key: undefined });
      scenario.key = scenarioKeys.first;
      await scenario.digest();
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: (t) => t.reseal(7, undefined),
    finds: { signature_removed: 1 },
    says: ['digests/000000000007.json is not signed'],
  },
  {
    what: 'the signatures of an early stretch removed, behind which the archive went on without a key for a while',
    build: async (place) => {
      const scenario = await ordinaryArchive(place);
      scenario.key = undefined;
      await scenario.digest();
      scenario.key = scenarioKeys.first;
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: async (t) => {
      for (const number of [1, 2, 3, 4, 5, 6]) await t.reseal(number, undefined);
    },
    finds: { signature_removed: 6 },
    says: ['digests/000000000002.json is not signed, and organization=acme/digests/000000000006.json says'],
  },
  {
    what: 'the signature of the newest digest removed',
    tamper: (t) => t.reseal(6, undefined),
    finds: { signature_removed: 1 },
    says: ['digests/000000000006.json is not signed, and it says itself'],
  },
  {
    what: 'every signature removed',
    tamper: async (t) => {
      for (const number of [1, 2, 3, 4, 5, 6]) await t.reseal(number, undefined);
    },
    finds: { archive_unsigned: 1, signature_removed: 6 },
    says: ['None of the 6 digests of acme is signed'],
  },
  {
    what: 'every signature removed, where none is asked for',
    tamper: async (t) => {
      for (const number of [1, 2, 3, 4, 5, 6]) await t.reseal(number, undefined);
    },
    options: { allowUnsigned: true },
    finds: { signature_removed: 6 },
    says: ['digests/000000000001.json is not signed'],
  },
  {
    what: 'signatures that are said to begin after the digest that says so',
    tamper: (t) => t.reseal(6, scenarioKeys.first, (payload) => ({ ...payload, signedFrom: 7 })),
    finds: { digest_inconsistent: 1 },
    says: ['says that digests are signed from number 7 on'],
  },
  {
    what: 'an archive that was never signed',
    build: (place) => ordinaryArchive(place, { key: undefined }),
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
    what: 'a key that nobody announced',
    build: async (place) => {
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
    build: async (place) => {
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
    build: async (place) => {
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
    build: async (place) => {
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
    build: async (place) => {
      const scenario = await ordinaryArchive(place);
      const { pem } = scenarioKeys.stranger.publicKey;
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest({ nextKey: { keyId: scenarioKeys.second.publicKey.keyId, publicKey: pem } });
    },
    tamper: async () => undefined,
    finds: { digest_inconsistent: 1 },
    says: ['announces a key that is not a public key of that id'],
  },
]);
