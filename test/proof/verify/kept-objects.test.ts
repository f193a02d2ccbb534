import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createS3ObjectStore } from '../../../src/archive/s3-object-store.ts';
import { bucketPlace, type ArchivePlace } from '../../helpers/archive-places.ts';
import { startStrictObjectStore } from '../../helpers/strict-object-store.ts';
import { ordinaryArchive, Scenario } from '../scenario.ts';
import { Tampering } from '../tampering.ts';
import { cleanUp, cleanups, expectSound, verify } from './verify-sound.ts';
import { soon } from './verify-scenario.ts';

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret');
});

afterEach(async () => {
  await cleanUp();
  vi.unstubAllEnvs();
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
    expect(stricter.findingCounts).toEqual({ object_lock_missing: 13 });
    expect(stricter.findings[0]?.message).toContain('locked in the mode GOVERNANCE, not COMPLIANCE');
    const longer = await verify(place.store(), { lock: { ...expected, retentionMs: 90 * 86_400_000 } });
    expect(longer.findingCounts).toEqual({ object_lock_short: 13 });
    const held = await verify(place.store(), { lock: { ...expected, hasLegalHold: true } });
    expect(held.findingCounts).toEqual({ legal_hold_missing: 13 });
  });

  test('is read by several requests at once, which leave no listener behind and need no warning', async () => {
    const { place } = await lockedBucket();
    const scenario = new Scenario(place);
    for (let count = 0; count < 24; count += 1) await scenario.object(2);
    scenario.now = BigInt(soon) * 1_000_000n;
    await scenario.digest();
    const warned = vi.spyOn(process, 'emitWarning');
    const controller = new AbortController();
    // The command line listens too.
    const own = Array.from({ length: 4 }, () => () => undefined);
    for (const listener of own) controller.signal.addEventListener('abort', listener);
    expectSound(await verify(place.store(), { lock: expected, signal: controller.signal }));
    expect(warned.mock.calls.filter(([warning]) => String(warning).includes('listeners'))).toEqual([]);
    expect(getEventListeners(controller.signal, 'abort')).toEqual(own);
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
    expect(report.findingCounts).toEqual({ object_lock_missing: 13 });
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
