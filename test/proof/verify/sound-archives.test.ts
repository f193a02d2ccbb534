import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createFileObjectStore } from '../../../src/archive/file-object-store.ts';
import type { ObjectStore } from '../../../src/archive/object-store.ts';
import { createS3ObjectStore } from '../../../src/archive/s3-object-store.ts';
import type { VerifyReport } from '../../../src/proof/verify/report.ts';
import { verifyArchive, type VerifyOptions } from '../../../src/proof/verify/verify-archive.ts';
import { parseTimestamp } from '../../../src/time.ts';
import { bucketPlace, directoryPlace, type ArchivePlace } from '../../helpers/archive-places.ts';
import { startStrictObjectStore } from '../../helpers/strict-object-store.ts';
import { ordinaryArchive, Scenario, scenarioKeys, Tampering } from '../scenario.ts';

const { signal } = new AbortController();
const { first, second } = scenarioKeys;
const soon = Date.parse('2026-03-03T08:00:00Z');
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret');
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  vi.unstubAllEnvs();
});

async function directory(): Promise<ArchivePlace> {
  const place = await directoryPlace();
  cleanups.push(() => place.dispose());
  return place;
}

async function verify(store: ObjectStore, options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  try {
    return await verifyArchive({
      store,
      hasVersions: false,
      keys: [first.publicKey],
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

function expectSound(report: VerifyReport): void {
  expect(report.findings).toEqual([]);
  expect(report.verdict).toBe('verified');
}

describe('a sound archive', () => {
  test('is told with its range, its digests and its days', async () => {
    const place = await directory();
    await ordinaryArchive(place);
    const report = await verify(place.store());
    expectSound(report);
    const [acme] = report.organizations;
    expect(acme).toMatchObject({
      name: 'acme',
      id: 'id-of-acme',
      ledgerId: 'ledger-of-the-scenario',
      sink: 'archive',
      objects: 6,
      entries: 60,
      range: { firstSequence: 1, lastSequence: 60, firstDay: '2026-03-01', lastDay: '2026-03-03' },
      digests: {
        count: 6,
        signed: 6,
        first: { number: 1 },
        newest: { number: 6, keyId: first.publicKey.keyId },
      },
      keys: [{ keyId: first.publicKey.keyId, firstDigest: 1, lastDigest: 6, isChecked: true }],
      notYetSigned: { objects: 0, entries: 0 },
      days: [
        { day: '2026-03-01', objects: 2, entries: 20 },
        { day: '2026-03-02', objects: 2, entries: 20 },
        { day: '2026-03-03', objects: 2, entries: 20 },
      ],
    });
    expect(report.proved[0]).toContain('60 entries in 6 objects');
    expect(report.notProved[0]).toContain('everything that the Cloud API has');
  });

  test('verifies when it was copied elsewhere, offline', async () => {
    const place = await directory();
    await ordinaryArchive(place);
    const copy = await mkdtemp(join(tmpdir(), 'copied-archive-'));
    cleanups.push(() => rm(copy, { recursive: true }));
    await cp(place.store().location, copy, { recursive: true });
    expectSound(await verify(createFileObjectStore({ directory: copy })));
  });

  test('verifies under another prefix of a bucket', async () => {
    const place = await bucketPlace();
    cleanups.push(() => place.dispose());
    await ordinaryArchive(place);
    for (const [key, bytes] of await place.objects()) {
      place.server.bucket.put(`elsewhere/deep/${key}`, { bytes, headers: {}, isConditional: false });
    }
    const store = createS3ObjectStore({
      bucket: 'audit',
      prefix: 'elsewhere/deep',
      region: 'us-east-1',
      endpoint: place.server.url,
    });
    expectSound(await verify(store, { hasVersions: true }));
  });

  test('holds what the logs witnessed', async () => {
    const place = await directory();
    const scenario = await ordinaryArchive(place);
    const head = await scenario.digest();
    const report = await verify(place.store(), { heads: [head] });
    expectSound(report);
    expect(report.organizations[0]?.digests.newest?.sha256).toBe(head);
    expect(report.notProved.join()).not.toContain('--head');
  });

  test('tells what came after the newest digest as not yet signed', async () => {
    const place = await directory();
    const scenario = await ordinaryArchive(place);
    await scenario.object(7);
    await scenario.object(3);
    const report = await verify(place.store());
    expectSound(report);
    expect(report.notes.map(({ code }) => code)).toEqual(['not_yet_signed']);
    expect(report.organizations[0]?.notYetSigned).toEqual({ objects: 2, entries: 10 });
    expect(report.proved[0]).toContain('60 entries in 6 objects');
  });

  test('may be old where its time is given', async () => {
    const place = await directory();
    await ordinaryArchive(place);
    const later = Date.parse('2030-01-01T00:00:00Z');
    const stale = await verify(place.store(), { now: () => later });
    expect(stale.findingCounts).toEqual({ newest_digest_stale: 1 });
    const to = parseTimestamp('2026-03-03T03:00:00Z');
    expectSound(await verify(place.store(), { now: () => later, to }));
  });

  test('may begin late, where its first digest says so', async () => {
    const place = await directory();
    await ordinaryArchive(place, { firstSequence: 5001 });
    const report = await verify(place.store());
    expectSound(report);
    expect(report.organizations[0]?.range?.firstSequence).toBe(5001);
  });

  test('may hold nothing but digests that say so', async () => {
    const place = await directory();
    const scenario = new Scenario(place);
    await scenario.object(1);
    const tampering = new Tampering(place);
    await place.remove(await tampering.keyOf(1));
    const empty = new Scenario(place);
    empty.now = BigInt(soon) * 1_000_000n;
    await empty.digest();
    const report = await verify(place.store());
    expectSound(report);
    expect(report.proved).toEqual(['acme: the archive holds no entry, and its 1 digests say so.']);
  });

  test('may belong to several organizations, of which one can be chosen', async () => {
    const place = await directory();
    await ordinaryArchive(place);
    await ordinaryArchive(place, { organization: 'globex', organizationId: 'id-of-globex' });
    const both = await verify(place.store());
    expectSound(both);
    expect(both.organizations.map(({ name }) => name)).toEqual(['acme', 'globex']);
    await place.remove(await new Tampering(place, 'globex').keyOf(1));
    expectSound(await verify(place.store(), { organizations: ['acme'] }));
    expect((await verify(place.store())).findingCounts).toEqual({ object_missing: 1 });
    const none = await verify(place.store(), { organizations: ['initech'] });
    expect(none.findings[0]?.message).toContain('no archive of initech');
  });

  test.each([
    ['whose id is known', 'id-of-acme'],
    ['whose id is not known', undefined],
  ])('goes on under a new name of an organization %s', async (_, organizationId) => {
    const place = await directory();
    const scenario = await ordinaryArchive(place, { organizationId });
    scenario.organization = 'globex';
    await scenario.object(5);
    await scenario.digest();
    const report = await verify(place.store());
    expectSound(report);
    expect(report.organizations).toMatchObject([{ name: 'globex', entries: 65, digests: { count: 7 } }]);
    await place.remove(await new Tampering(place).keyOf(51));
    await place.remove('organization=acme/digests/000000000006.json');
    expect((await verify(place.store())).verdict).toBe('failed');
  });

  test('finds the folder of one organization given in place of the folder above it', async () => {
    const place = await directory();
    await ordinaryArchive(place);
    const store = createFileObjectStore({ directory: join(place.store().location, 'organization=acme') });
    const report = await verify(store);
    expect(report.findingCounts).toEqual({ nothing_found: 1 });
    expect(report.findings[0]?.message).toContain('Give the folder above it');
  });

  test('misses an organization that was asked for by name, although others are there', async () => {
    const place = await directory();
    await ordinaryArchive(place);
    const report = await verify(place.store(), { organizations: ['acme', 'globex'] });
    expect(report.findingCounts).toEqual({ nothing_found: 1 });
    expect(report.findings[0]?.message).toContain('no archive of globex');
  });

  test('is not renamed by a folder that no digest vouches for', async () => {
    const place = await directory();
    await ordinaryArchive(place);
    const identity = (await place.objects()).get('organization=acme/archive.json')?.toString() ?? '';
    await place.plant(
      'organization=beta/archive.json',
      Buffer.from(identity.replace('"name": "acme"', '"name": "beta"')),
    );
    const report = await verify(place.store());
    expect(report.organizations.map(({ name }) => name)).toEqual(['acme']);
  });
});

describe('signatures', () => {
  async function rotated(): Promise<ArchivePlace> {
    const place = await directory();
    const scenario = await ordinaryArchive(place);
    await scenario.rotate(second);
    await scenario.object(4);
    await scenario.digest();
    return place;
  }

  test.each([
    ['the first key', [first.publicKey], []],
    ['the newest key', [second.publicKey], ['older_key']],
    ['both keys', [first.publicKey, second.publicKey], []],
  ])('lead over a rotation from %s', async (_, keys, notes) => {
    const place = await rotated();
    const report = await verify(place.store(), { keys });
    expectSound(report);
    expect(report.notes.map(({ code }) => code)).toEqual(notes);
    expect(
      report.organizations[0]?.keys.map(({ firstDigest, lastDigest }) => [firstDigest, lastDigest]),
    ).toEqual([
      [1, 7],
      [8, 8],
    ]);
  });

  test('vouch for digests that are older than the key that was given, and show what was done to them', async () => {
    const place = await rotated();
    const tampering = new Tampering(place);
    await tampering.reseal(2, first, (payload) => ({ ...payload, createdAt: '2026-03-01T02:00:01.000000Z' }));
    const report = await verify(place.store(), { keys: [second.publicKey] });
    expect(report.verdict).toBe('failed');
    expect(report.findingCounts).toHaveProperty('signature_untrusted');
  });

  test('may be missing where that was allowed', async () => {
    const place = await directory();
    await ordinaryArchive(place, { key: undefined });
    const report = await verify(place.store(), { allowUnsigned: true, keys: [] });
    expectSound(report);
    expect(report.proved[0]).toContain('listed in its digests');
    expect(report.notProved.join()).toContain('could have been made anew');
  });

  test('may begin later than the archive: signed digests vouch for those before', async () => {
    const place = await directory();
    const scenario = await ordinaryArchive(place, { key: undefined });
    scenario.key = first;
    await scenario.digest();
    const report = await verify(place.store());
    expectSound(report);
    expect(report.notes.map(({ code }) => code)).toEqual(['unsigned_beginning']);
  });

  test('of a key that was given are accepted, unannounced as it is', async () => {
    const place = await directory();
    const scenario = await ordinaryArchive(place);
    scenario.key = second;
    await scenario.digest();
    const report = await verify(place.store(), { keys: [first.publicKey, second.publicKey] });
    expectSound(report);
    expect(report.notes.map(({ code }) => code)).toEqual(['key_changed']);
  });
});

describe('a bucket that keeps versions and locks', () => {
  const expected = {
    mode: 'GOVERNANCE',
    retentionMs: 30 * 86_400_000,
    hasLegalHold: false,
    hasRetention: true,
  } as const;

  test('has one version of each object, locked for as long as was configured', async () => {
    const { place } = await lockedBucket();
    await ordinaryArchive(place);
    expectSound(await verify(place.store(), { hasVersions: true, lock: expected }));
    const stricter = await verify(place.store(), { lock: { ...expected, mode: 'COMPLIANCE' } });
    expect(stricter.findingCounts).toEqual({ object_lock_missing: 12 });
    expect(stricter.findings[0]?.message).toContain('locked in the mode GOVERNANCE, not COMPLIANCE');
    const longer = await verify(place.store(), { lock: { ...expected, retentionMs: 90 * 86_400_000 } });
    expect(longer.findingCounts).toEqual({ object_lock_short: 12 });
    const held = await verify(place.store(), { lock: { ...expected, hasLegalHold: true } });
    expect(held.findingCounts).toEqual({ legal_hold_missing: 12 });
  });

  test('shows an object that was replaced, although the newest version is the signed one', async () => {
    const { place } = await lockedBucket();
    await ordinaryArchive(place);
    const key = await new Tampering(place).keyOf(21);
    await place.plant(key, await new Tampering(place).bytes(key));
    const report = await verify(place.store(), { hasVersions: true });
    expect(report.findingCounts).toEqual({ object_versions: 1 });
    expect(report.findings[0]?.message).toContain('has 2 versions');
  });

  test('shows a delete marker, on top or below', async () => {
    const { place } = await lockedBucket();
    await ordinaryArchive(place);
    const tampering = new Tampering(place);
    const [gone, back] = [await tampering.keyOf(21), await tampering.keyOf(31)];
    const bytes = await tampering.bytes(back);
    await place.remove(gone);
    await place.remove(back);
    await place.plant(back, bytes);
    const report = await verify(place.store(), { hasVersions: true });
    expect(report.findingCounts).toEqual({ object_missing: 1, object_deleted: 2, object_versions: 1 });
    const deleted = report.findings
      .filter(({ code }) => code === 'object_deleted')
      .map(({ message }) => message);
    expect(deleted[0]).toContain('the newest of its versions is a delete marker');
    expect(deleted[1]).toContain('deleted and put again');
  });

  test('is verified without a look at versions where that is not permitted, and says so', async () => {
    const { place, server } = await lockedBucket();
    await ordinaryArchive(place);
    server.settings.denied = ['ListObjectVersions'];
    const report = await verify(place.store(), { hasVersions: true });
    expectSound(report);
    expect(report.notes.map(({ code }) => code)).toEqual(['versions_not_checked']);
    expect(report.proved.join()).not.toContain('replaced or deleted');
  });

  test('has no Object Lock where the bucket sets none', async () => {
    const place = await bucketPlace();
    cleanups.push(() => place.dispose());
    await ordinaryArchive(place);
    const lock = { ...expected, mode: undefined, retentionMs: undefined };
    const report = await verify(place.store(), { lock });
    expect(report.findingCounts).toEqual({ object_lock_missing: 12 });
  });
});

function lockHeaders(mode: string, days: number): Record<string, string> {
  return {
    'x-amz-object-lock-mode': mode,
    'x-amz-object-lock-retain-until-date': new Date(Date.now() + days * 86_400_000).toISOString(),
  };
}

async function lockedBucket(): Promise<{
  place: ArchivePlace;
  server: Awaited<ReturnType<typeof startStrictObjectStore>>;
}> {
  const server = await startStrictObjectStore({ hasObjectLock: true, isVersioned: true });
  cleanups.push(() => server.close());
  const headers = lockHeaders('GOVERNANCE', 30);
  const place: ArchivePlace = {
    store: () =>
      createS3ObjectStore({
        bucket: 'audit',
        region: 'us-east-1',
        endpoint: server.url,
        objectLock: { mode: 'GOVERNANCE', retentionMs: 30 * 86_400_000 },
      }),
    objects: () => Promise.resolve(server.objects()),
    plant: (key, bytes) => {
      server.bucket.isVersioned = true;
      server.bucket.put(key, { bytes, headers, isConditional: false });
      return Promise.resolve();
    },
    remove: (key) => Promise.resolve(server.bucket.delete(key)),
    dispose: () => server.close(),
  };
  return { place, server };
}
