/** Genuine digests in the wrong place: each has a good signature. */
import { directoryPlace } from '../../../helpers/archive-places.ts';
import { ordinaryArchive, Scenario, scenarioKeys, type ScenarioOptions } from '../../scenario.ts';
import type { Tampering } from '../../tampering.ts';
import { describeTampering, payloadText } from './tampering-case.ts';
import { soon } from '../verify-scenario.ts';

/** Every object and digest of another archive of the same key. */
async function otherArchive(options: ScenarioOptions): Promise<Map<string, Buffer>> {
  const other = await directoryPlace();
  try {
    await ordinaryArchive(other, options);
    return await other.objects();
  } finally {
    await other.dispose();
  }
}

async function plantFrom(t: Tampering, archive: ReadonlyMap<string, Buffer>, part: string): Promise<void> {
  for (const [key, bytes] of archive) if (key.includes(part)) await t.place.plant(key, bytes);
}

describeTampering('genuine digests in the wrong place', [
  {
    what: 'a digest of another ledger, signed with the same key',
    tamper: async (t) =>
      plantFrom(t, await otherArchive({ ledgerId: 'ledger-of-the-past' }), 'digests/000000000006'),
    finds: { digest_foreign: 1, digest_chain_forked: 1, object_chain_broken: 1 },
    says: ['digests/000000000006.json speaks about the ledger ledger-of-the-past'],
  },
  {
    what: 'a digest of another sink of the same ledger, signed with the same key',
    tamper: async (t) => plantFrom(t, await otherArchive({ sink: 'copy' }), 'digests/000000000003'),
    finds: { digest_foreign: 1, digest_chain_forked: 2, object_chain_broken: 2 },
    says: ['digests/000000000003.json speaks about the sink copy'],
  },
  {
    what: 'all digests of another sink of the same ledger, where the sink that writes here is known',
    tamper: async (t) => plantFrom(t, await otherArchive({ sink: 'copy' }), 'digests/'),
    options: { sink: 'archive' },
    finds: { digest_foreign: 1 },
    says: ['written by the sink copy', 'the configuration calls the one that writes here archive'],
  },
  {
    what: 'a digest that was put again under the next number',
    tamper: async (t) => t.place.plant(t.digestKey(7), await t.bytes(t.digestKey(6))),
    finds: { digest_number_wrong: 1, sequence_overlap: 1, object_chain_broken: 1, digest_totals_wrong: 1 },
    says: ['digests/000000000007.json says that its number is 6'],
  },
  {
    what: 'two digests swapped',
    tamper: (t) => t.swap(t.digestKey(3), t.digestKey(4)),
    finds: {
      digest_number_wrong: 2,
      digest_chain_forked: 1,
      sequence_gap: 2,
      sequence_overlap: 1,
      object_chain_broken: 3,
      digest_totals_wrong: 3,
    },
    says: ['digests/000000000003.json says that its number is 4'],
  },
  {
    what: 'a digest of the same numbers from before the store was lost, made again with another content',
    tamper: (t) => t.reseal(6, scenarioKeys.first, (payload) => ({ ...payload, reason: 'daily' })),
    options: { heads: ['5e'.repeat(32)] },
    finds: { head_unknown: 1 },
    says: ['5e5e5e5e', 'made anew'],
  },
  {
    what: 'a digest in the folder of another name of the same organization',
    tamper: async (t) => {
      const identity = (await t.bytes('organization=acme/archive.json')).toString();
      const renamed = identity.replace('"name": "acme"', '"name": "globex"');
      await t.place.plant('organization=globex/archive.json', Buffer.from(renamed));
      await t.place.plant('organization=globex/digests/000000000007.json', await t.bytes(t.digestKey(6)));
    },
    finds: {
      digest_foreign: 1,
      digest_number_wrong: 1,
      sequence_overlap: 1,
      object_chain_broken: 1,
      digest_totals_wrong: 1,
    },
    says: ['organization=globex/digests/000000000007.json speaks about the organization acme'],
  },
  {
    what: 'a digest number that is used twice, in the folders of two names',
    tamper: async (t) => {
      const identity = (await t.bytes('organization=acme/archive.json')).toString();
      const renamed = identity.replace('"name": "acme"', '"name": "globex"');
      await t.place.plant('organization=globex/archive.json', Buffer.from(renamed));
      await t.place.plant('organization=globex/digests/000000000006.json', await t.bytes(t.digestKey(6)));
    },
    finds: { digest_number_twice: 1, digest_foreign: 1 },
    says: ['The digest number 6 of', 'organization=globex/digests/000000000006.json'],
  },
  {
    what: 'a line of the journal that was taken out of a digest',
    build: async (place) => {
      const scenario = await ordinaryArchive(place);
      scenario.now = BigInt(soon) * 1_000_000n;
      const line = { at: '2026-03-03T08:00:00.000000Z', sink: null, detail: {}, actor: 'root@host' };
      await scenario.digest({ journal: ['offset_moved', 'stopped'].map((what) => ({ ...line, what })) });
    },
    tamper: (t) => payloadText(t, 7, (text) => text.replace(/"journal":\[\{.*?\},\{"at/, '"journal":[{"at')),
    finds: { signature_invalid: 1 },
    says: ['digests/000000000007.json names the key', 'altered after it was signed'],
  },
  {
    what: 'a changed entry that was taken out of a digest',
    build: async (place) => {
      const scenario = await ordinaryArchive(place);
      scenario.now = BigInt(soon) * 1_000_000n;
      const hash = '5e'.repeat(32);
      const seenAt = '2026-03-03T08:00:00.000000Z';
      await scenario.digest({
        changes: [{ entry: 'entry-acme-3', sequence: 3, contentSha256: hash, lineSha256: hash, seenAt }],
      });
    },
    tamper: (t) => payloadText(t, 7, (text) => text.replace(/"changes":\[.*?\]/, '"changes":[]')),
    finds: { signature_invalid: 1 },
    says: ['digests/000000000007.json names the key'],
  },
  {
    what: 'what a key that was replaced signs in place of its rotation, seen from the newest key',
    build: async (place) => {
      const scenario = new Scenario(place);
      await scenario.object(5);
      await scenario.digest();
      // Whoever got hold of the old key removed the rotation and what followed, and goes on.
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: async () => undefined,
    options: { keys: [scenarioKeys.second.publicKey] },
    finds: { signature_untrusted: 2 },
    says: ['not trusted'],
  },
]);
