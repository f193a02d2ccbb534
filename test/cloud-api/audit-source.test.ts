import { getEventListeners, once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, type Duplex } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { AuditPageRequest, AuditSource } from '../../src/cloud-api/audit-page.ts';
import { createAuditSource } from '../../src/cloud-api/audit-source.ts';
import type { CloudApiOptions } from '../../src/cloud-api/client-options.ts';
import { CloudApiError } from '../../src/cloud-api/cloud-api-error.ts';
import { UsageError } from '../../src/errors.ts';
import { answer, startHttpServer } from '../helpers/http-server.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const key = 'CCDB1_12345abcdefGHIJKLMnopq_NkdXLI9d81Mnx3djs45iwPfgtnaRv0XCh0Z9047K';
const never = new AbortController().signal;

function sourceAt(url: string, options: Partial<CloudApiOptions> = {}): AuditSource {
  const source = createAuditSource({
    url,
    apiKey: key,
    requestsPerSecond: 1000,
    retry: { attempts: 3, backoffMs: 1 },
    ...options,
  });
  onTestFinished(() => source.close());
  return source;
}

function page(changes: Partial<AuditPageRequest> = {}): AuditPageRequest {
  return { sortOrder: 'ASC', limit: 200, priority: 'tail', signal: never, ...changes };
}

async function failureOf(work: Promise<unknown>): Promise<CloudApiError> {
  const error = await rejectionOf(work);
  if (error instanceof CloudApiError) return error;
  throw error;
}

describe('one page', () => {
  test('is asked for with the key, the version, the order, the limit and the position as it is', async () => {
    const server = await startHttpServer((_request, response) => {
      answer(
        response,
        200,
        '{"entries":[{"id":"1", "n":1.0}],"next_starting_from":"2022-10-09T02:40:35.054818Z"}',
        {
          'cc-version': '[2024-09-16]',
          date: 'Sun, 06 Nov 1994 08:49:37 GMT',
        },
      );
    });
    const source = sourceAt(server.url, { userAgent: 'tests/1' });
    const found = await source.auditLogPage(page({ startingFrom: '2022-10-09T04:40:00.000000001+02:00' }));
    expect(found.entries.map(({ raw }) => raw.toString())).toEqual(['{"id":"1", "n":1.0}']);
    expect(found).toMatchObject({ nextStartingFrom: '2022-10-09T02:40:35.054818Z', bytes: 84 });
    expect(found.serverDate).toBe(784_111_777_000_000_000n);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'GET', path: '/api/v1/auditlogevents' });
    expect(Object.fromEntries(request?.query ?? [])).toEqual({
      starting_from: '2022-10-09T04:40:00.000000001+02:00',
      sort_order: 'ASC',
      limit: '200',
    });
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${key}`,
      'cc-version': '2024-09-16',
      'user-agent': 'tests/1',
      accept: 'application/json',
    });
  });

  test('may come packed, and its entries are still exact', async () => {
    const body = '{"entries":[{"id":"1","x":"é"}]}';
    const server = await startHttpServer((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body));
    });
    const found = await sourceAt(server.url).auditLogPage(page());
    expect(found.entries[0]?.raw.toString()).toBe('{"id":"1","x":"é"}');
    expect(found.bytes).toBe(Buffer.byteLength(body));
  });

  test.each([0, -1, 1.5, Number.NaN])('is not asked for with a limit of %d', async (limit) => {
    const source = sourceAt('http://127.0.0.1:1');
    await expect(source.auditLogPage(page({ limit }))).rejects.toMatchObject({ kind: 'usage' });
  });

  test('the key is asked for anew with each request, and trimmed', async () => {
    const keys = ['first\n', ' second '];
    const server = await startHttpServer((_request, response) => answer(response, 200, {}));
    const source = sourceAt(server.url, { apiKey: () => Promise.resolve(keys.shift() ?? '') });
    await source.auditLogPage(page());
    await source.auditLogPage(page());
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer first',
      'Bearer second',
    ]);
    await expect(source.auditLogPage(page())).rejects.toMatchObject({ kind: 'usage' });
  });

  test('every attempt is reported with its status', async () => {
    const onRequest = vi.fn<(report: { status: number | undefined; durationMs: number }) => void>();
    const server = await startHttpServer(({ number }, response) => {
      answer(response, number === 1 ? 500 : 200, {});
    });
    await sourceAt(server.url, { onRequest }).auditLogPage(page());
    expect(onRequest.mock.calls.map(([{ status }]) => status)).toEqual([500, 200]);
    expect(onRequest.mock.calls.every(([{ durationMs }]) => durationMs > 0)).toBe(true);
  });
});

test('many parallel calls on one signal leave no listener and no warning behind', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const server = await startHttpServer((_request, response) => answer(response, 200, {}));
  const source = sourceAt(server.url);
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 40 }, () => source.auditLogPage(page({ signal }))));
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  expect(warnings).toEqual([]);
});

describe('refusals are reported as what they are, asked once', () => {
  test.each([
    [401, 'key_refused', '(401 on GET /api/v1/auditlogevents)'],
    [403, 'role_missing', 'Organization Admin role'],
    [404, 'not_found', "not read as 'no entries'"],
    [405, 'operation_gone', 'does not have this operation'],
    [501, 'operation_gone', 'version 2024-09-16'],
    [409, 'request_refused', 'refused the request'],
  ])('%i is %s', async (status, code, words) => {
    const server = await startHttpServer((_request, response) => {
      answer(response, status, { code: 7, message: 'because of this', details: [] });
    });
    const error = await failureOf(
      sourceAt(server.url).auditLogPage(page({ startingFrom: 'secret-position' })),
    );
    expect(error).toMatchObject({ code, status, retryable: false, kind: 'source' });
    expect(error.message).toContain(words);
    expect(error.message).toContain('The server says: "because of this".');
    expect(error.message).not.toContain('secret-position');
    expect(server.requests).toHaveLength(1);
  });

  test.each(['{"message":"invalid Cc-Version."}', 'invalid Cc-Version.', '"invalid Cc-Version."'])(
    'a 400 with %s is about the version',
    async (body) => {
      const server = await startHttpServer((_request, response) => answer(response, 400, body));
      expect(await failureOf(sourceAt(server.url).auditLogPage(page()))).toMatchObject({
        code: 'version_refused',
        retryable: false,
      });
    },
  );

  test.each(['', '{}', 'null', '{"message":7}', '<html>Bad gateway</html>', '{"message":"cut', '\u0000'])(
    'a 403 with the body %j is still a 403',
    async (body) => {
      const server = await startHttpServer((_request, response) => answer(response, 403, body));
      const error = await failureOf(sourceAt(server.url).auditLogPage(page()));
      expect(error.code).toBe('role_missing');
      expect(error.message).not.toContain('The server says');
    },
  );

  test('an answer in another version is refused, naming both', async () => {
    const server = await startHttpServer((_request, response) => {
      answer(response, 200, {}, { 'cc-version': '[2022-03-31]' });
    });
    const error = await failureOf(sourceAt(server.url).auditLogPage(page()));
    expect(error.code).toBe('version_refused');
    expect(error.message).toMatch(/2022-03-31.*2024-09-16/);
  });

  test('a missing version in the answer is accepted and said once', async () => {
    const info = vi.fn<(fields: object, message: string) => void>();
    const logger = { info, debug: vi.fn<() => void>(), warn: vi.fn<() => void>() };
    const server = await startHttpServer((_request, response) => answer(response, 200, {}));
    const source = sourceAt(server.url, { logger });
    await source.auditLogPage(page());
    await source.auditLogPage(page());
    expect(info).toHaveBeenCalledTimes(1);
  });

  test('a redirect is not followed, so the key reaches nobody else', async () => {
    const other = await startHttpServer((_request, response) => answer(response, 200, {}));
    const server = await startHttpServer((_request, response) => {
      answer(response, 302, '', { location: `${other.url}/login?token=x` });
    });
    const error = await failureOf(sourceAt(server.url).auditLogPage(page()));
    expect(error).toMatchObject({ code: 'response_unusable', status: 302, retryable: false });
    expect(error.message).toContain(
      `redirect (302 on GET /api/v1/auditlogevents to 127.0.0.1:${other.port})`,
    );
    expect(other.requests).toHaveLength(0);
  });
});

describe('the rate limit', () => {
  test.each([
    ['429 without a header', 429, '', {}],
    ['429 with Retry-After: 0', 429, '', { 'retry-after': '0' }],
    ['403 with Retry-After', 403, '', { 'retry-after': '0.01' }],
    ['503 with Retry-After as a date', 503, '', { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }],
    ['400 with the message', 400, '{"code":8,"message":"Rate limit exceeded"}', {}],
    ['302 with Retry-After', 302, '', { 'retry-after': '0.01' }],
  ])('%s is waited for', async (_name, status, body, headers) => {
    const server = await startHttpServer(({ number }, response) => {
      if (number === 1) answer(response, status, body, headers);
      else answer(response, 200, {});
    });
    await expect(sourceAt(server.url).auditLogPage(page())).resolves.toMatchObject({ entries: [] });
    expect(server.requests).toHaveLength(2);
  });

  test('that holds on is an error which says how long the server wants to be left alone', async () => {
    const server = await startHttpServer((_request, response) =>
      answer(response, 429, '', { 'retry-after': '86400' }),
    );
    const source = sourceAt(server.url, { retry: { attempts: 2, backoffMs: 1, delayMaxMs: 20 } });
    expect(await failureOf(source.auditLogPage(page()))).toMatchObject({
      code: 'rate_limited',
      retryable: true,
      retryAfterMs: 86_400_000,
    });
    expect(server.requests).toHaveLength(2);
  });

  test('one Retry-After holds back all requests of the key', async () => {
    const warn = vi.fn<(fields: object, message: string) => void>();
    const logger = { warn, debug: vi.fn<() => void>(), info: vi.fn<() => void>() };
    const limited = await startHttpServer((_request, response) => {
      answer(response, 429, '', { 'retry-after': '3600' });
    });
    const open = await startHttpServer((_request, response) => answer(response, 200, {}));
    const source = sourceAt(limited.url, { logger, retry: { attempts: 3, delayMaxMs: 3_600_000 } });
    const controller = new AbortController();
    const outcomes = [rejectionOf(source.auditLogPage(page({ signal: controller.signal })))];
    await vi.waitFor(() => expect(warn).toHaveBeenCalled());
    outcomes.push(
      rejectionOf(source.auditLogPage(page({ signal: controller.signal }))),
      rejectionOf(source.organization({ signal: controller.signal })),
    );
    // Another key's requests come and go meanwhile, so these two would have come too.
    const other = sourceAt(open.url);
    for (let n = 0; n < 5; n += 1) await other.auditLogPage(page());
    expect(limited.requests).toHaveLength(1);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await Promise.all(outcomes)).toEqual([reason, reason, reason]);
  });
});

describe('trouble on the line', () => {
  test('server failures and resets are asked again, with a warning that names attempt and delay', async () => {
    const warn = vi.fn<(fields: object, message: string) => void>();
    const logger = { warn, debug: vi.fn<() => void>(), info: vi.fn<() => void>() };
    const server = await startHttpServer(({ number }, response) => {
      if (number === 1) answer(response, 502, '<html>bad gateway</html>');
      else if (number === 2) response.destroy();
      else answer(response, 200, {});
    });
    await sourceAt(server.url, { logger }).auditLogPage(page());
    expect(server.requests).toHaveLength(3);
    expect(warn.mock.calls.map(([fields]) => fields)).toMatchObject([
      { attempt: 1, path: '/api/v1/auditlogevents' },
      { attempt: 2, delayMs: expect.any(Number) },
    ]);
    expect(JSON.stringify(warn.mock.calls)).not.toContain(key);
  });

  test('nobody there is unreachable', async () => {
    const error = await failureOf(sourceAt('http://127.0.0.1:1').auditLogPage(page()));
    expect(error).toMatchObject({ code: 'unreachable', retryable: true, status: undefined });
    expect(error.message).toContain('GET /api/v1/auditlogevents at 127.0.0.1:1');
  });

  test.each([
    ['headers that never come', 0],
    ['a body that stands still', 1],
    ['a body that drips', 2],
  ])('%s ends at the deadline', async (_name, kind) => {
    const timers: NodeJS.Timeout[] = [];
    onTestFinished(() => timers.forEach((timer) => clearInterval(timer)));
    const server = await startHttpServer((_request, response) => {
      if (kind === 0) return;
      response.writeHead(200).write('{"entries":[');
      if (kind === 2) timers.push(setInterval(() => response.write(' '), 10));
    });
    const source = sourceAt(server.url, { requestTimeoutMs: 150, retry: { attempts: 1 } });
    const error = await failureOf(source.auditLogPage(page()));
    expect(error).toMatchObject({ code: 'timed_out', retryable: true });
    expect(error.message).toContain('api.requestTimeout (now 150 ms)');
  });

  test('an aborted request ends at once with the reason, also in the middle of a body', async () => {
    const controller = new AbortController();
    const server = await startHttpServer((_request, response) => {
      response.writeHead(200).write('{"entries":[');
    });
    const pending = sourceAt(server.url).auditLogPage(page({ signal: controller.signal }));
    const outcome = rejectionOf(pending);
    await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    controller.abort(new Error('enough'));
    expect((await outcome).message).toBe('enough');
  });

  test('an aborted wait for the next attempt ends at once', async () => {
    const controller = new AbortController();
    const warn = vi.fn<(fields: object, message: string) => void>(() =>
      controller.abort(new Error('enough')),
    );
    const logger = { warn, debug: vi.fn<() => void>(), info: vi.fn<() => void>() };
    const server = await startHttpServer((_request, response) =>
      answer(response, 503, '', { 'retry-after': '50' }),
    );
    const source = sourceAt(server.url, { logger });
    await expect(source.auditLogPage(page({ signal: controller.signal }))).rejects.toThrow('enough');
  });

  test('closing ends the wait for the next attempt', async () => {
    const server = await startHttpServer((_request, response) =>
      answer(response, 503, '', { 'retry-after': '50' }),
    );
    const warn = vi.fn<(fields: object, message: string) => void>();
    const source = sourceAt(server.url, {
      logger: { warn, debug: vi.fn<() => void>(), info: vi.fn<() => void>() },
    });
    const outcome = rejectionOf(source.auditLogPage(page()));
    await vi.waitFor(() => expect(warn).toHaveBeenCalled());
    await source.close();
    expect(await outcome).toMatchObject({ code: 'client_closed' });
  });
});

describe('bodies that can not be used', () => {
  test.each([
    ['a body larger than allowed', 'x'.repeat(2000), {}],
    [
      'a packed body that is larger than allowed',
      gzipSync('x'.repeat(100_000)),
      { 'content-encoding': 'gzip' },
    ],
  ])('%s names the setting', async (_name, body, headers) => {
    const server = await startHttpServer((_request, response) => {
      response.writeHead(200, headers).end(body);
    });
    const source = sourceAt(server.url, { responseMaxBytes: 1000 });
    const error = await failureOf(source.auditLogPage(page()));
    expect(error).toMatchObject({ code: 'response_too_large', retryable: false });
    expect(error.message).toContain('api.responseMax');
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ['promised more bytes', { 'content-length': '100' }],
    ['promised many more bytes', { 'content-length': '1000000' }],
    ['broken off between chunks', {}],
  ])('a cut body (%s) is asked for again', async (_name, headers) => {
    const server = await startHttpServer(({ number }, response) => {
      if (number > 1) return answer(response, 200, '{"entries":[{"id":"1"}]}');
      response.writeHead(200, headers);
      response.write('{"entries":[{"id":"1"}', () => response.destroy());
      return undefined;
    });
    await expect(sourceAt(server.url).auditLogPage(page())).resolves.toMatchObject({ bytes: 24 });
    expect(server.requests).toHaveLength(2);
  });

  test.each([
    ['whose length is announced', true],
    ['of unknown length', false],
  ])('a large body %s comes whole, however it is cut into chunks', async (_name, isAnnounced) => {
    const ids = Array.from({ length: 3000 }, (_, index) => `entry-${index}-${'x'.repeat(index % 97)}`);
    const body = Buffer.from(JSON.stringify({ entries: ids.map((id) => ({ id })) }));
    const chunks = Array.from({ length: Math.ceil(body.length / 7919) }, (_, index) =>
      body.subarray(index * 7919, (index + 1) * 7919),
    );
    const server = await startHttpServer((_request, response) => {
      response.writeHead(200, isAnnounced ? { 'content-length': body.length } : {});
      Readable.from(chunks).pipe(response);
    });
    const read = await sourceAt(server.url).auditLogPage(page());
    expect(read.bytes).toBe(body.length);
    expect(read.entries.map(({ id }) => id)).toEqual(ids);
  });

  test.each(['{"entries":[{"id":"1"}', ''])(
    'JSON that ends early (%j) is asked for again, then an error',
    async (body) => {
      const server = await startHttpServer((_request, response) => answer(response, 200, body));
      expect(await failureOf(sourceAt(server.url).auditLogPage(page()))).toMatchObject({
        code: 'response_unusable',
        retryable: true,
      });
      expect(server.requests).toHaveLength(3);
    },
  );

  test('HTML with a 200 is named as such, and asked for twice more in case it passes', async () => {
    const server = await startHttpServer((_request, response) => {
      answer(response, 200, '<html>Please log in</html>', { 'content-type': 'text/html' });
    });
    const error = await failureOf(sourceAt(server.url).auditLogPage(page()));
    expect(error).toMatchObject({ code: 'response_unusable', retryable: false });
    expect(error.message).toContain('it is HTML');
    expect(server.requests).toHaveLength(3);
  });
});

describe('the organization', () => {
  test('is told with its id, name, label and creation', async () => {
    const server = await startHttpServer((_request, response) => {
      answer(response, 200, {
        id: 'o1',
        name: 'Acme',
        label: 'acme-x',
        created_at: '2020-01-01T00:00:00Z',
        more: 1,
      });
    });
    await expect(sourceAt(server.url).organization({ signal: never })).resolves.toEqual({
      id: 'o1',
      name: 'Acme',
      label: 'acme-x',
      createdAt: '2020-01-01T00:00:00Z',
    });
  });

  test('is undefined where the path is not found, and never for another reason', async () => {
    const server = await startHttpServer(({ number }, response) =>
      answer(response, number === 1 ? 404 : 403, {}),
    );
    const source = sourceAt(server.url);
    await expect(source.organization({ signal: never })).resolves.toBeUndefined();
    expect(await failureOf(source.organization({ signal: never }))).toMatchObject({ code: 'role_missing' });
  });

  test('without an id is unusable', async () => {
    const server = await startHttpServer((_request, response) => answer(response, 200, { name: 'Acme' }));
    expect(await failureOf(sourceAt(server.url).organization({ signal: never }))).toMatchObject({
      code: 'response_unusable',
    });
  });
});

describe('options that can not work', () => {
  test.each([
    { version: 'latest' },
    { requestsPerSecond: 0 },
    { requestTimeoutMs: Number.NaN },
    { responseMaxBytes: -1 },
    { concurrency: Number.POSITIVE_INFINITY },
    { retry: { attempts: 0 } },
    { retry: { backoffMs: -1 } },
    { retry: { delayMaxMs: Number.NaN } },
  ])('%j', (options) => {
    expect(() => createAuditSource({ apiKey: key, ...options })).toThrow(UsageError);
  });
});

describe('where the key may go', () => {
  test.each([
    'http://cockroachlabs.cloud',
    'http://10.0.0.1',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'ftp://localhost',
    'https://user:secret@cockroachlabs.cloud',
    'https://cockroachlabs.cloud?key=secret',
    'not a url',
  ])('%s is refused before anything is sent', async (url) => {
    const make = (): Promise<AuditSource> =>
      Promise.resolve().then(() => createAuditSource({ url, apiKey: key }));
    const error = await rejectionOf(make());
    expect(error).toMatchObject({ kind: 'usage' });
    expect(error.message).not.toContain('secret');
  });

  test.each(['https://cockroachlabs.cloud', 'http://localhost:1', 'http://127.1.2.3', 'http://[::1]:8080/'])(
    '%s is accepted',
    async (url) => {
      const source = createAuditSource({ url, apiKey: key });
      await expect(source.close()).resolves.toBeUndefined();
    },
  );

  test('plain HTTP to loopback never goes through a proxy, which would see the key', async () => {
    const proxy = await startHttpServer((_request, response) => answer(response, 200, {}));
    const server = await startHttpServer((_request, response) => answer(response, 200, {}));
    vi.stubEnv('HTTP_PROXY', proxy.url);
    vi.stubEnv('http_proxy', proxy.url);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await sourceAt(server.url).auditLogPage(page());
    expect(proxy.requests).toHaveLength(0);
    expect(server.requests).toHaveLength(1);
  });

  test('HTTPS_PROXY is asked for a tunnel and sees no key; NO_PROXY goes around it', async () => {
    const tunnels: { target: string | undefined; headers: string }[] = [];
    const proxy = createServer().on('connect', (request: IncomingMessage, socket: Duplex) => {
      tunnels.push({ target: request.url, headers: request.rawHeaders.join(' ') });
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    onTestFinished(() => {
      vi.unstubAllEnvs();
      proxy.close();
    });
    const { port } = proxy.address() as AddressInfo;
    for (const name of ['HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, `http://127.0.0.1:${port}`);
    for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, 'direct.invalid');
    const single = { retry: { attempts: 1 } };
    const error = await failureOf(sourceAt('https://api.invalid', single).auditLogPage(page()));
    expect(error.code).toBe('unreachable');
    expect(tunnels.map(({ target }) => target)).toEqual(['api.invalid:443']);
    expect(JSON.stringify(tunnels)).not.toContain('CCDB1');
    await failureOf(sourceAt('https://direct.invalid', single).auditLogPage(page()));
    expect(tunnels).toHaveLength(1);
  });

  test('a key that a header can not carry is refused without showing it', async () => {
    const source = sourceAt('http://127.0.0.1:1', { apiKey: 'CCDB1_x\r\nsecret: y' });
    const failing = source.auditLogPage(page());
    await expect(failing).rejects.toMatchObject({ kind: 'usage' });
    await expect(failing).rejects.not.toThrow('secret');
  });

  test('a server that repeats the key, or sends control characters, gets neither into the error', async () => {
    const odd = 'opaque-key-without-a-known-shape';
    const server = await startHttpServer((_request, response) => {
      answer(response, 401, { message: `bad key ${odd}\u001B[2J\nand ${key} ${'long '.repeat(200)}` });
    });
    const error = await failureOf(sourceAt(server.url, { apiKey: odd }).auditLogPage(page()));
    expect(error.message).not.toContain(odd);
    expect(error.message).not.toContain('NkdXLI9d81Mnx3djs45iwPfgtnaRv0XCh0Z9047K');
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(error.message.length).toBeLessThan(400);
  });
});
