import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileModule } from './compiled-module.ts';
import { startStrictObjectStore, type StrictObjectStore } from './strict-object-store.ts';

const body = 'content';

describe('the strict object store', () => {
  let server: StrictObjectStore;

  beforeEach(async () => {
    server = await startStrictObjectStore();
  });

  afterEach(() => server.close());

  function put(headers: Record<string, string> = {}, content = body): Promise<Response> {
    return fetch(`${server.url}/audit/key`, {
      method: 'PUT',
      body: content,
      headers: { ...signed(content), ...headers },
    });
  }

  test('keeps and gives back an object, and takes a second one only without a condition', async () => {
    expect((await put({ 'if-none-match': '*' })).status).toBe(200);
    const got = await fetch(`${server.url}/audit/key`, { headers: signed('') });
    expect(await got.text()).toBe(body);
    expect((await put({ 'if-none-match': '*' })).status).toBe(412);
    expect((await put({}, 'other')).status).toBe(200);
    expect(server.objects().get('key')?.toString()).toBe('other');
  });

  const refused: readonly (readonly [string, Record<string, string>, number])[] = [
    ['an unsigned header', { 'x-amz-meta-note': 'x' }, 403],
    ['a broken signature', { authorization: 'AWS4-HMAC-SHA256 x' }, 400],
    ['another region', { authorization: authorization('eu-west-1') }, 301],
    ['chunk framing', { 'content-encoding': 'aws-chunked' }, 501],
    ['a streamed payload', { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' }, 501],
    ['another payload hash', { 'x-amz-content-sha256': '0'.repeat(64) }, 400],
    ['another MD5', { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }, 400],
    ['another condition', { 'if-none-match': '"etag"' }, 501],
  ];
  test.each(refused)('refuses %s', async (_, headers, status) => {
    const answer = await put(headers);
    expect(answer.status).toBe(status);
    expect(server.objects().size).toBe(0);
  });

  test.each(['sha256', 'sha1', 'crc32'])('refuses a wrong checksum of kind %s', async (kind) => {
    const name = `x-amz-checksum-${kind}`;
    const answer = await put({ [name]: 'AAAA', authorization: authorization('us-east-1', name) });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('BadDigest');
  });

  test('demands a checksum where objects are locked', async () => {
    server.settings.hasObjectLock = true;
    expect((await put()).status).toBe(400);
    const md5 = createHash('md5').update(body).digest('base64');
    expect((await put({ 'content-md5': md5 })).status).toBe(200);
  });

  test('knows no multipart uploads', async () => {
    const answer = await fetch(`${server.url}/audit/key?uploads`, { method: 'POST', headers: signed('') });
    expect(answer.status).toBe(501);
  });

  test('deletes by a marker in a versioned bucket', async () => {
    server.settings.isVersioned = true;
    await put();
    const answer = await fetch(`${server.url}/audit/key`, { method: 'DELETE', headers: signed('') });
    expect(answer.status).toBe(204);
    expect(server.objects().size).toBe(0);
    expect(server.bucket.versions('key')).toHaveLength(2);
  });

  test('runs as a process of its own, steered over HTTP', async () => {
    const compiled = await compileModule('test/helpers/strict-object-store.ts');
    const child = spawn(process.execPath, [compiled.path, '{"bucket":"other"}'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const { url } = JSON.parse(line) as { url: string };
      const write = (): Promise<Response> =>
        fetch(`${url}/other/key`, { method: 'PUT', body, headers: signed(body) });
      const fault = { operation: 'PutObject', kind: 'slow-down' };
      await fetch(`${url}/-/faults`, { method: 'POST', body: JSON.stringify(fault) });
      expect([(await write()).status, (await write()).status]).toEqual([503, 200]);
      const objects: unknown = await (await fetch(`${url}/-/objects`)).json();
      expect(objects).toEqual([{ key: 'key', versions: 1, base64: Buffer.from(body).toString('base64') }]);
      await fetch(`${url}/-/settings`, { method: 'POST', body: JSON.stringify({ denied: ['PutObject'] }) });
      expect((await write()).status).toBe(403);
      child.stdin.end();
      expect(await exited).toEqual([0, null]);
    } finally {
      child.kill();
      await compiled.dispose();
    }
  });
});

function signed(content: string): Record<string, string> {
  return {
    authorization: authorization('us-east-1'),
    'x-amz-date': '20260301T000000Z',
    'x-amz-content-sha256': createHash('sha256').update(content).digest('hex'),
  };
}

function authorization(region: string, ...names: string[]): string {
  const headers = ['host', 'x-amz-content-sha256', 'x-amz-date', ...names].join(';');
  return `AWS4-HMAC-SHA256 Credential=AKID/20260301/${region}/s3/aws4_request, SignedHeaders=${headers}, Signature=${'0'.repeat(64)}`;
}
