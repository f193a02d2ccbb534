import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createFileObjectStore } from '../../../src/archive/file-object-store.ts';
import { createS3ObjectStore } from '../../../src/archive/s3-object-store.ts';
import { parseTimestamp } from '../../../src/time.ts';
import { bucketPlace } from '../../helpers/archive-places.ts';
import { ordinaryArchive, Scenario, scenarioKeys } from '../scenario.ts';
import { Tampering } from '../tampering.ts';
import { cleanUp, cleanups, directory, expectSound, verify } from './verify-sound.ts';
import { soon } from './verify-scenario.ts';

const { first } = scenarioKeys;

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret');
});

afterEach(async () => {
  await cleanUp();
  vi.unstubAllEnvs();
});

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

  test('has a digest that was written anew around what is signed, which is told', async () => {
    const place = await directory();
    await ordinaryArchive(place);
    const tampering = new Tampering(place);
    await tampering.replace(tampering.digestKey(6), (bytes) =>
      Buffer.from(JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), more: 1 }, null, 2)),
    );
    const report = await verify(place.store());
    expectSound(report);
    expect(report.notes).toMatchObject([{ code: 'digest_rewritten' }]);
    expect(report.notes[0]?.message).toContain('000000000006.json lies there in other bytes');
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
    expect(report.proved).toEqual(['acme: the archive holds no entry, and its 1 digest says so.']);
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
