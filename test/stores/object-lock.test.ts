/** Object Lock on an object store that is not ours: set by the sink, enforced by the store, checked by `verify`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createS3Sink } from '../../sinks/s3.ts';
import { generateSigningKey } from '../../src/archive/digest/signing-key.ts';
import { verifyArchive, type VerifyOptions } from '../../src/proof/verify/verify-archive.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { runProgram, type Ended } from '../cli/run-program.ts';
import { openS3Place } from '../helpers/s3-place.ts';
import { plainEntries } from '../helpers/sink-entries.ts';
import { ordinaryArchive, scenarioKeys } from '../proof/scenario.ts';
import { createLockedBucket, refusalOf, type LockedBucket } from './locked-bucket.ts';
import { realStore } from './real-store.ts';

const { endpoint, bucket: plainBucket, env } = realStore();
const { signal } = new AbortController();
const dayMs = 86_400_000;
/** The store's clock against this one, and times without milliseconds. */
const slackMs = 60_000;
const objectLock = { mode: 'GOVERNANCE', retentionMs: 30 * dayMs } as const;
const expected = { ...objectLock, hasRetention: true, hasLegalHold: false } as const;

const cleanups: (() => Promise<unknown>)[] = [];
let bucket: LockedBucket;

beforeEach(async () => {
  bucket = await createLockedBucket(endpoint);
  cleanups.push(() => Promise.resolve(bucket.close()));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** How many findings there are of each code. */
async function findings(lock: VerifyOptions['lock']): Promise<Readonly<Record<string, number>>> {
  const store = bucket.store({});
  try {
    const { findingCounts } = await verifyArchive({
      store,
      hasVersions: true,
      lock,
      keys: [scenarioKeys.first.publicKey],
      allowUnsigned: false,
      version: '0.0.0',
      now: () => Date.parse('2026-03-03T08:00:00Z'),
      signal,
    });
    return findingCounts;
  } finally {
    await store.close();
  }
}

describe('an archive in a bucket with Object Lock', () => {
  test('is locked for as long as was configured, which verify confirms, or misses', async () => {
    await ordinaryArchive(bucket.place({ objectLock }));
    const versions = await bucket.versions();
    expect(versions).toHaveLength(13);
    for (const { mode, untilMs = 0, putAtMs } of versions) {
      expect(mode).toBe('GOVERNANCE');
      expect(Math.abs(untilMs - putAtMs - objectLock.retentionMs)).toBeLessThan(slackMs);
    }
    expect(await findings(expected)).toEqual({});
    const all = versions.length;
    const longer = { ...expected, retentionMs: 60 * dayMs };
    expect(await findings(longer)).toEqual({ object_lock_short: all });
    expect(await findings({ ...expected, mode: 'COMPLIANCE' })).toEqual({ object_lock_missing: all });
    expect(await findings({ ...expected, hasLegalHold: true })).toEqual({ legal_hold_missing: all });
  });

  test('gives up no version, and what is put or deleted over one is a finding', async () => {
    await ordinaryArchive(bucket.place({ objectLock }));
    const versions = await bucket.versions();
    const contents = await Promise.all(versions.map((version) => bucket.content(version)));
    for (const version of versions) {
      expect(await refusalOf(bucket.deleteVersion(version))).toBe('AccessDenied');
      const conditional = bucket.putOver(version.key, { isConditional: true });
      expect(await refusalOf(conditional)).toBe('PreconditionFailed');
    }
    expect(await findings(expected)).toEqual({});
    const [object, digest] = ['/entries/', '/digests/'].map(
      (part) => versions.find(({ key }) => key.includes(part))?.key ?? 'none',
    );
    expect(await refusalOf(bucket.putOver(object ?? 'none', { isConditional: false }))).toBe('done');
    expect(await refusalOf(bucket.delete(digest ?? 'none'))).toBe('done');
    expect(await findings(expected)).toMatchObject({ object_versions: 1, object_deleted: 1 });
    const still = await Promise.all(versions.map((version) => bucket.content(version)));
    expect(still).toEqual(contents);
  });

  test('is found out where it was written without a retention', async () => {
    await ordinaryArchive(bucket.place({}));
    const versions = await bucket.versions();
    expect(versions.flatMap(({ mode }) => mode ?? [])).toEqual([]);
    expect(await findings(undefined)).toEqual({});
    const missing = { object_lock_missing: versions.length };
    expect(await findings({ ...expected, mode: undefined, retentionMs: undefined })).toEqual(missing);
    expect(await findings(expected)).toEqual(missing);
  });

  test('is kept without an end by a legal hold', async () => {
    await ordinaryArchive(bucket.place({ legalHold: true }));
    const versions = await bucket.versions();
    expect(versions.filter(({ hasLegalHold }) => hasLegalHold)).toHaveLength(13);
    for (const version of versions) {
      expect(await refusalOf(bucket.deleteVersion(version))).toBe('AccessDenied');
    }
    expect(await findings({ ...expected, hasRetention: false, hasLegalHold: true })).toEqual({});
  });
});

describe('a bucket without Object Lock', () => {
  test('is refused in a sentence where a retention is configured', async () => {
    const prefix = `unlocked-${bucket.name}`;
    const place = openS3Place({ endpoint, bucket: plainBucket, prefix });
    const sink = createS3Sink({
      name: 'archive',
      bucket: plainBucket,
      prefix,
      region: 'us-east-1',
      endpoint,
      forcePathStyle: true,
      objectLock,
    });
    cleanups.push(async () => {
      await sink.close();
      await place.clear();
      place.close();
    });
    const writing = sink.write({ organization: 'acme', entries: plainEntries(1, 3) }, { signal });
    await expect(writing).rejects.toMatchObject({ code: 'request_refused', retryable: false });
    await expect(writing).rejects.toThrow('Check that the bucket has Object Lock');
  });
});

describe('the program, with a retention configured', () => {
  let folder: string;
  let sandbox: Sandbox;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'object-lock-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'key.pem'), generateSigningKey());
    sandbox = await startSandbox({ entries: 120 });
    cleanups.push(() => sandbox.close());
  });

  interface SinkPlace {
    readonly bucket: string;
    readonly prefix: string;
    readonly retention: string;
  }

  async function run(command: string, { retention, ...place }: SinkPlace): Promise<Ended> {
    const lock = { mode: 'GOVERNANCE', retention };
    const sink = { name: 'archive', type: 's3', region: 'us-east-1', endpoint, forcePathStyle: true };
    const settings = {
      api: { url: sandbox.url, requestsPerSecond: 1000 },
      organizations: [{ name: 'acme', apiKey: sandbox.apiKey }],
      store: { url: `pglite:${join(folder, 'data')}` },
      signing: { keyFile: join(folder, 'key.pem') },
      server: 'off',
      sinks: [{ ...sink, ...place, objectLock: lock }],
    };
    const config = join(folder, 'config.yaml');
    await writeFile(config, JSON.stringify(settings));
    return await runProgram([command, '-c', config], { env });
  }

  test(
    'locks what it archives, and verify demands what the configuration says',
    { timeout: 180_000 },
    async () => {
      const sink = { bucket: bucket.name, prefix: 'cc', retention: '30d' };
      const { exitCode, stderr } = await run('backfill', sink);
      expect(exitCode, stderr).toBe(0);
      const versions = await bucket.versions();
      expect(versions.length).toBeGreaterThan(2);
      expect(versions.filter(({ mode }) => mode !== 'GOVERNANCE')).toEqual([]);
      const verified = await run('verify', sink);
      expect(verified.exitCode, verified.stdout).toBe(0);
      const short = await run('verify', { ...sink, retention: '60d' });
      expect(short.exitCode).toBe(6);
      expect(short.stdout).toContain('object_lock_short');
    },
  );
});
