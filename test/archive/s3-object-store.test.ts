import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { toError } from '../../src/errors.ts';
import { createS3ObjectStore } from '../../src/archive/s3-object-store.ts';
import type { S3ObjectStoreOptions } from '../../src/archive/s3-options.ts';
import type { ListedObject, ObjectStore, ObjectVersionListed } from '../../src/archive/object-store.ts';
import { startStrictObjectStore, type StrictObjectStore } from '../helpers/strict-object-store.ts';
import type { Fault } from '../helpers/strict-s3-settings.ts';

const assumedRole = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASSUMEDKEY</AccessKeyId><SecretAccessKey>assumed-secret</SecretAccessKey><SessionToken>assumed-token</SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
const { signal } = new AbortController();
const key = 'organization=acme/archive.json';
const storedKey = `cc/${key}`;

describe('archive objects in a bucket', () => {
  let server: StrictObjectStore;
  let stores: ObjectStore[];

  beforeEach(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret');
    stores = [];
    server = await startStrictObjectStore();
  });

  afterEach(async () => {
    for (const store of stores) await store.close();
    await server.close();
    vi.unstubAllEnvs();
  });

  function storeWith(changes: Partial<S3ObjectStoreOptions> = {}): ObjectStore {
    const store = createS3ObjectStore({
      bucket: 'audit',
      prefix: 'cc',
      region: 'us-east-1',
      endpoint: server.url,
      conflictDelayMs: () => 0,
      silenceMs: 5_000,
      ...changes,
    });
    stores.push(store);
    return store;
  }

  const putHeaders = (): Readonly<Record<string, string>> =>
    server.requests.findLast(({ operation }) => operation === 'PutObject')?.headers ?? {};

  test('are put whole, with their checksum, on condition that there is none', async () => {
    const store = storeWith();
    expect(await put(store, 'first')).toBe('created');
    expect(putHeaders()).toMatchObject({
      'if-none-match': '*',
      'x-amz-checksum-sha256': sha256('first').toString('base64'),
      'x-amz-sdk-checksum-algorithm': 'SHA256',
      'content-type': 'application/json',
      'content-length': '5',
    });
    expect(putHeaders()).not.toHaveProperty('content-encoding');
    expect(putHeaders()).not.toHaveProperty('expect');
    expect(await put(store, 'second')).toBe('exists');
    expect(server.objects().get(storedKey)?.toString()).toBe('first');
    expect((await store.get(key, { bytesMax: 5, signal }))?.bytes.toString()).toBe('first');
    expect(await store.head(key, { signal })).toEqual({ size: 5 });
  });

  test('of many megabytes go out in one request, without chunk framing', async () => {
    const large = 'x'.repeat(20 * 1024 * 1024);
    expect(await put(storeWith(), large)).toBe('created');
    expect(server.objects().get(storedKey)?.length).toBe(large.length);
    expect(server.requests).toHaveLength(1);
  });

  test('are refused by the server when the checksum is another', async () => {
    const bytes = Buffer.from('first');
    const wrong = { sha256: sha256('other'), contentType: 'text/plain', signal };
    await expect(storeWith().putIfAbsent(key, bytes, wrong)).rejects.toMatchObject({
      code: 'request_refused',
      retryable: false,
    });
    expect(server.objects().size).toBe(0);
  });

  test('exist, after a put whose answer was lost and that the SDK repeats', async () => {
    server.inject({ operation: 'PutObject', kind: 'commit-then-drop' });
    expect(await put(storeWith(), 'first')).toBe('exists');
    expect(server.requests).toHaveLength(2);
    expect(server.objects().get(storedKey)?.toString()).toBe('first');
  });

  test.each(['drop', 'slow-down', 'internal-error'] as const)(
    'are put in spite of one "%s"',
    async (kind) => {
      server.inject({ operation: 'PutObject', kind });
      expect(await put(storeWith(), 'first')).toBe('created');
    },
  );

  test('are put again on the same key while another write is under way, and not for ever', async () => {
    server.inject({ operation: 'PutObject', kind: 'conflict', times: 3 });
    expect(await put(storeWith(), 'first')).toBe('created');
    expect(new Set(server.requests.map((request) => request.key))).toEqual(new Set([storedKey]));
    expect(server.requests).toHaveLength(4);
    server.requests.length = 0;
    server.inject({ operation: 'PutObject', kind: 'conflict', times: 100 });
    await expect(put(storeWith(), 'first')).rejects.toMatchObject({
      code: 'write_conflict',
      retryable: true,
    });
    expect(server.requests).toHaveLength(6);
  });

  test('have one creator when many writers race', async () => {
    const outcomes = await Promise.all(Array.from({ length: 6 }, (_, index) => put(storeWith(), `${index}`)));
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
    expect(server.objects().get(storedKey)?.toString()).toBe(`${outcomes.indexOf('created')}`);
  });

  test('are looked for first where the store knows no conditions', async () => {
    server.settings.refusesConditions = true;
    await expect(put(storeWith(), 'first')).rejects.toMatchObject({
      code: 'unsupported',
      retryable: false,
      message: expect.stringContaining('conditionalWrites: off'),
    });
    const store = storeWith({ conditionalWrites: false });
    expect(store.isConditional).toBe(false);
    expect(await put(store, 'first')).toBe('created');
    expect(putHeaders()).not.toHaveProperty('if-none-match');
    expect(await put(store, 'second')).toBe('exists');
    expect(server.objects().get(storedKey)?.toString()).toBe('first');
  });

  test('carry Content-MD5 where the store refuses the newer checksums', async () => {
    server.settings.refusesChecksums = true;
    await expect(put(storeWith(), 'first')).rejects.toMatchObject({ code: 'request_refused' });
    expect(await put(storeWith({ checksum: 'none' }), 'first')).toBe('created');
    expect(putHeaders()).toHaveProperty('content-md5');
    expect(Object.keys(putHeaders()).filter((name) => name.includes('checksum'))).toEqual([]);
  });

  test.each(['sha256', 'none'] as const)(
    'are locked, with the checksum that a lock demands (%s)',
    async (checksum) => {
      server.settings.hasObjectLock = true;
      const objectLock = { mode: 'GOVERNANCE', retentionMs: 86_400_000 } as const;
      const before = Date.now();
      expect(await put(storeWith({ checksum, objectLock, legalHold: true }), 'first')).toBe('created');
      expect(putHeaders()).toMatchObject({
        'x-amz-object-lock-mode': 'GOVERNANCE',
        'x-amz-object-lock-legal-hold': 'ON',
      });
      const until = Date.parse(putHeaders()['x-amz-object-lock-retain-until-date'] ?? '');
      // The header has whole seconds.
      expect(until).toBeGreaterThan(before + 86_400_000 - 1000);
      expect(() => server.bucket.delete(storedKey, server.bucket.current(storedKey)?.versionId)).toThrow(
        /403/,
      );
    },
  );

  test('say so when the bucket has no Object Lock', async () => {
    const objectLock = { mode: 'COMPLIANCE', retentionMs: 86_400_000 } as const;
    await expect(put(storeWith({ objectLock }), 'first')).rejects.toMatchObject({
      code: 'request_refused',
      message: expect.stringContaining('Object Lock'),
    });
  });

  test('are encrypted, filed and addressed as configured', async () => {
    const encryption = { algorithm: 'aws:kms', kmsKeyId: 'alias/audit' } as const;
    const owner = server.settings.owner;
    await put(storeWith({ encryption, storageClass: 'STANDARD_IA', expectedBucketOwner: owner }), 'first');
    expect(putHeaders()).toMatchObject({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'alias/audit',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-expected-bucket-owner': owner,
    });
    server.bucket.clear();
    await put(storeWith({ encryption: { algorithm: 'AES256' } }), 'first');
    expect(putHeaders()).toMatchObject({ 'x-amz-server-side-encryption': 'AES256' });
    const stranger = storeWith({ expectedBucketOwner: '999999999999' });
    await expect(put(stranger, 'first')).rejects.toMatchObject({
      code: 'permission_missing',
      message: expect.stringContaining('expectedBucketOwner'),
    });
  });

  test('are absent when they are, and when only a delete marker is left', async () => {
    const store = storeWith();
    expect(await store.get(key, { bytesMax: 1, signal })).toBeUndefined();
    expect(await store.head(key, { signal })).toBeUndefined();
    server.settings.isVersioned = true;
    await put(store, 'first');
    server.bucket.delete(storedKey);
    expect(await store.get(key, { bytesMax: 9, signal })).toBeUndefined();
    expect(server.bucket.versions(storedKey)).toHaveLength(2);
  });

  test('are not read when they are larger than was expected', async () => {
    await put(storeWith(), 'first');
    await expect(storeWith().get(key, { bytesMax: 4, signal })).rejects.toMatchObject({
      code: 'object_too_large',
    });
  });

  test('that stop coming are an error that can be tried again', async () => {
    await put(storeWith(), 'first'.repeat(1000));
    const store = storeWith({ silenceMs: 200 });
    for (const kind of ['truncate-body', 'stall-body'] as const) {
      server.inject({ operation: 'GetObject', kind });
      await expect(store.get(key, { bytesMax: 9999, signal })).rejects.toMatchObject({
        code: 'unreachable',
        retryable: true,
      });
    }
    expect((await store.get(key, { bytesMax: 9999, signal }))?.bytes).toHaveLength(5000);
  });

  test('are not waited for longer than configured', async () => {
    server.inject({ operation: 'PutObject', kind: 'hang', times: 9 });
    const store = storeWith({ silenceMs: 100 });
    await expect(put(store, 'first')).rejects.toMatchObject({ code: 'unreachable', retryable: true });
  });

  test('are not waited for when the signal is aborted', async () => {
    server.inject({ operation: 'PutObject', kind: 'hang' });
    const controller = new AbortController();
    const writing = put(storeWith(), 'first', controller.signal);
    await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    controller.abort();
    await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('are listed by folder, over as many pages as the store makes', async () => {
    const store = storeWith();
    const names = Array.from({ length: 10 }, (_, index) => `organization=acme/entries/${index}`);
    for (const name of [...names, 'organization=other/x']) {
      await store.putIfAbsent(name, Buffer.from(name), options(name));
    }
    server.requests.length = 0;
    const listed = await list(store, 'organization=acme/entries/');
    expect(listed.map((object) => object.key)).toEqual(names);
    expect(listed[0]?.size).toBe(27);
    expect(server.requests).toHaveLength(4);
    expect(await list(store, '')).toHaveLength(11);
    expect(await list(storeWith({ prefix: 'nothing' }), '')).toEqual([]);
  });

  test('show every version and delete marker of their keys, the newest first', async () => {
    server.settings.isVersioned = true;
    for (let index = 0; index < 4; index += 1)
      await put(storeWith(), 'same').then(() => server.bucket.delete(storedKey));
    await storeWith().putIfAbsent('organization=acme/other', Buffer.from('x'), options('x'));
    const listed: ObjectVersionListed[] = [];
    for await (const version of storeWith().listVersions('organization=acme/', { signal }))
      listed.push(version);
    expect(listed.map((version) => version.key)).toEqual([
      ...Array.from({ length: 8 }, () => key),
      'organization=acme/other',
    ]);
    expect(listed.filter((version) => version.isDeleteMarker)).toHaveLength(4);
    expect(listed.filter((version) => version.isLatest).map((version) => version.isDeleteMarker)).toEqual([
      true,
      false,
    ]);
    expect(listed[0]).toMatchObject({ isLatest: true, isDeleteMarker: true });
    server.settings.denied = ['ListObjectVersions'];
    const forbidden = storeWith().listVersions('', { signal })[Symbol.asyncIterator]().next();
    await expect(forbidden).rejects.toThrow(/need s3:ListBucketVersions/);
  });

  test('have one version each where the store keeps none', async () => {
    await put(storeWith(), 'first');
    const listed: ObjectVersionListed[] = [];
    for await (const version of storeWith().listVersions('', { signal })) listed.push(version);
    expect(listed).toEqual([{ key, versionId: 'null', isLatest: true, isDeleteMarker: false }]);
  });

  test('are put with the credentials of an assumed role', async () => {
    const asked: string[] = [];
    const tokens = createServer((message, response) => {
      const answered = text(message).then((form) => {
        asked.push(form);
        return response.setHeader('content-type', 'text/xml').end(assumedRole);
      });
      answered.catch((error: unknown) => response.destroy(toError(error)));
    });
    tokens.listen(0, '127.0.0.1');
    await once(tokens, 'listening');
    const { port } = tokens.address() as AddressInfo;
    vi.stubEnv('AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${port}`);
    try {
      const roleArn = 'arn:aws:iam::111122223333:role/audit';
      expect(await put(storeWith({ roleArn }), 'first')).toBe('created');
      expect(new URLSearchParams(asked[0]).get('RoleArn')).toBe(roleArn);
      expect(putHeaders()['authorization']).toContain('Credential=ASSUMEDKEY/');
      expect(putHeaders()['x-amz-security-token']).toBe('assumed-token');
    } finally {
      tokens.close();
      tokens.closeAllConnections();
    }
  });

  test('are never named outside the layout', async () => {
    for (const name of ['../x', '/x', 'a//b', 'a\nb']) {
      await expect(storeWith().get(name, { bytesMax: 1, signal })).rejects.toMatchObject({
        code: 'key_refused',
      });
    }
    expect(server.requests).toEqual([]);
  });

  test('are served by host name too', async () => {
    await put(storeWith(), 'first');
    const { port } = new URL(server.url);
    const emptyHash = createHash('sha256').digest('hex');
    const asked = httpRequest({
      host: '127.0.0.1',
      port,
      path: `/${storedKey}`,
      headers: {
        host: `audit.localhost:${port}`,
        authorization: String(server.requests[0]?.headers['authorization']),
        'x-amz-date': String(server.requests[0]?.headers['x-amz-date']),
        'x-amz-content-sha256': emptyHash,
      },
    });
    const answered = new Promise<string>((resolve, reject) => {
      asked.on('response', (response) => void text(response).then(resolve, reject));
      asked.on('error', reject);
    });
    asked.end();
    expect(await answered).toBe('first');
  });

  describe('fail with a sentence', () => {
    const refusals: readonly (readonly [Fault['kind'], string, boolean, RegExp])[] = [
      ['expired-token', 'credentials_expired', true, /session .* expired\. Renew/],
      ['unknown-key', 'credentials_refused', false, /does not accept these credentials\. Check/],
      ['wrong-signature', 'credentials_refused', false, /Check the access key/],
      ['clock-skew', 'clock_skewed', true, /clock is wrong\. Set it right/],
      ['access-denied', 'permission_missing', false, /need s3:PutObject on arn:aws:s3:::audit\/cc\/organ/],
      ['slow-down', 'throttled', true, /too many requests\. It will be tried again/],
      ['internal-error', 'server_failed', true, /500 InternalError/],
      ['not-implemented', 'unsupported', false, /conditionalWrites: off/],
      ['bad-request', 'request_refused', false, /400 InvalidRequest/],
      ['drop', 'answer_lost', true, /no whole answer/],
    ];
    test.each(refusals)('after %s: %s', async (kind, code, retryable, sentence) => {
      server.inject({ operation: 'PutObject', kind, times: 99 });
      const failure = put(storeWith(), 'first');
      await expect(failure).rejects.toMatchObject({ name: 'SinkError', code, retryable });
      await expect(failure).rejects.toThrow(sentence);
    });

    test('when there is no such bucket', async () => {
      const store = storeWith({ bucket: 'elsewhere' });
      const expected = { code: 'bucket_missing', retryable: false };
      await expect(store.open({ signal })).rejects.toMatchObject(expected);
      await expect(put(store, 'x')).rejects.toMatchObject(expected);
      await expect(store.get(key, { bytesMax: 1, signal })).rejects.toMatchObject(expected);
    });

    test('when the bucket is in another region, which it names', async () => {
      server.settings.region = 'eu-central-1';
      await expect(storeWith().open({ signal })).rejects.toMatchObject({
        code: 'region_wrong',
        message: expect.stringContaining("Set the sink's region to eu-central-1"),
      });
    });

    test('when reading, listing or both are forbidden, naming the permission', async () => {
      server.settings.denied = ['ListObjectsV2'];
      await expect(storeWith().open({ signal })).rejects.toThrow(
        /need s3:ListBucket on arn:aws:s3:::audit for/,
      );
      await expect(storeWith().get(key, { bytesMax: 1, signal })).rejects.toThrow(
        /need s3:GetObject on .* and s3:ListBucket/,
      );
      server.settings.denied = ['HeadObject'];
      await put(storeWith(), 'x');
      await expect(storeWith().head(key, { signal })).rejects.toMatchObject({ code: 'permission_missing' });
    });

    test('when there are no credentials', async () => {
      vi.unstubAllEnvs();
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
      vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
      for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
        vi.stubEnv(name, undefined);
      await expect(storeWith().open({ signal })).rejects.toMatchObject({
        code: 'credentials_missing',
        retryable: false,
      });
    });

    test('when there is no region', async () => {
      vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
      vi.stubEnv('AWS_REGION', undefined);
      await expect(storeWith({ region: undefined }).open({ signal })).rejects.toMatchObject({
        code: 'region_missing',
        message: expect.stringContaining('AWS_REGION'),
      });
    });

    test('when nobody listens', async () => {
      await server.suspend();
      await expect(storeWith().open({ signal })).rejects.toMatchObject({
        code: 'unreachable',
        retryable: true,
      });
    });
  });
});

function put(
  store: ObjectStore,
  content: string,
  until: AbortSignal = signal,
): Promise<'created' | 'exists'> {
  return store.putIfAbsent(key, Buffer.from(content), { ...options(content), signal: until });
}

function options(content: string): Parameters<ObjectStore['putIfAbsent']>[2] {
  return { sha256: sha256(content), contentType: 'application/json', signal };
}

function sha256(content: string): Buffer {
  return createHash('sha256').update(content).digest();
}

async function list(store: ObjectStore, folder: string): Promise<ListedObject[]> {
  const listed: ListedObject[] = [];
  for await (const object of store.list(folder, { signal })) listed.push(object);
  return listed;
}
