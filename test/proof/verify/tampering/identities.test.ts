import { ordinaryArchive } from '../../scenario.ts';
import { describeTampering, key3 } from './tampering-case.ts';

describeTampering('identities and names', [
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
    tamper: (t) => t.place.remove('organization=acme/archive.json'),
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
      for (const number of [1, 2, 3, 4, 5, 6]) await t.place.remove(t.digestKey(number));
    },
    finds: { no_digests: 1 },
    says: ['holds 6 objects and no digest'],
  },
  {
    what: 'archive.json with an organization that stands twice',
    tamper: (t) =>
      t.replace('organization=acme/archive.json', (bytes) =>
        Buffer.from(bytes.toString().replace('{', '{"organization":{"name":"globex","id":null},')),
      ),
    finds: { identity_unreadable: 1 },
    says: ['organization=acme/archive.json is not the identity'],
  },
  {
    what: 'an organization that is configured and gone, beside one that is there',
    tamper: async () => undefined,
    options: { configured: ['acme', 'globex'] },
    finds: { organization_missing: 1 },
    says: ['sends globex to', 'its folder was removed'],
  },
  {
    what: 'an empty archive.json',
    tamper: (t) => t.replace('organization=acme/archive.json', () => Buffer.alloc(0)),
    finds: { identity_unreadable: 1 },
    says: ['organization=acme/archive.json is not the identity'],
  },
  {
    what: 'objects and digests under names that differ in case only',
    tamper: async (t) => {
      await t.place.plant('organization=acme/digests/000000000006.JSON', await t.bytes(t.digestKey(6)));
      await t.place.plant('organization=Acme/archive.json', await t.bytes('organization=acme/archive.json'));
      await t.place.plant(key3.replace('jsonl', 'JSONL'), await t.bytes(key3));
    },
    finds: { object_foreign: 3 },
    says: ['organization=Acme/archive.json has a name that the archive never gives'],
  },
  {
    what: 'names that only look like those of the archive',
    tamper: async (t) => {
      // A Cyrillic a, full-width digits, and a joiner that no font shows.
      await t.place.plant('organization=\u0430cme/archive.json', Buffer.from('{}'));
      await t.place.plant(key3.replace('21', '\uFF12\uFF11'), await t.bytes(key3));
      await t.place.plant(key3.replace('.gz', '\u200D.gz'), await t.bytes(key3));
    },
    finds: { object_foreign: 3 },
    says: ['has a name that the archive never gives', 'it was not read'],
  },
  {
    what: 'the folders of two organizations swapped',
    build: async (place) => {
      await ordinaryArchive(place);
      await ordinaryArchive(place, { organization: 'globex', organizationId: 'id-of-globex' });
    },
    tamper: async (t) => {
      const objects = await t.place.objects();
      for (const key of objects.keys()) await t.place.remove(key);
      for (const [key, bytes] of objects)
        await t.place.plant(
          key.startsWith('organization=acme/')
            ? key.replace('acme', 'globex')
            : key.replace('globex', 'acme'),
          bytes,
        );
    },
    finds: {
      identity_mismatch: 2,
      digest_foreign: 12,
      digest_inconsistent: 12,
      object_missing: 12,
      object_not_covered: 12,
    },
    says: ['organization=acme/archive.json belongs to the organization globex'],
  },
  {
    what: 'archive.json of two organizations swapped',
    build: async (place) => {
      await ordinaryArchive(place);
      await ordinaryArchive(place, { organization: 'globex', organizationId: 'id-of-globex' });
    },
    tamper: (t) => t.swap('organization=acme/archive.json', 'organization=globex/archive.json'),
    finds: { identity_mismatch: 2 },
    says: ['organization=acme/archive.json belongs to the organization globex'],
  },
  {
    what: 'archive.json of another format',
    tamper: (t) =>
      t.replace('organization=acme/archive.json', (bytes) =>
        Buffer.from(bytes.toString().replace('"formatVersion": 1', '"formatVersion": 2')),
      ),
    finds: { identity_mismatch: 1 },
    says: ['names format version 2'],
  },
  {
    what: 'archive.json with the id of another organization',
    tamper: (t) =>
      t.replace('organization=acme/archive.json', (bytes) =>
        Buffer.from(bytes.toString().replace('id-of-acme', 'id-of-globex')),
      ),
    finds: { identity_mismatch: 1 },
    says: ["the organization's id id-of-globex", 'names ledger-of-the-scenario and id-of-acme'],
  },
  {
    what: 'the folder of an organization renamed, and archive.json with it',
    tamper: async (t) => {
      for (const [key, bytes] of await t.place.objects()) {
        await t.place.remove(key);
        const isIdentity = key.endsWith('archive.json');
        const changed = isIdentity ? Buffer.from(bytes.toString().replace('"acme"', '"globex"')) : bytes;
        await t.place.plant(key.replace('acme', 'globex'), changed);
      }
    },
    finds: { digest_foreign: 6, digest_inconsistent: 6, object_missing: 6, object_not_covered: 6 },
    says: ['organization=globex/digests/000000000001.json speaks about the organization acme'],
  },
]);
