import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { sandboxApiKey, startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/index.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { call, described, page, type Called } from './sandbox-client.ts';

let sandbox: Sandbox;

async function start(options: SandboxOptions = {}): Promise<Sandbox> {
  sandbox = await startSandbox({ entries: 50, now: () => Date.UTC(2026, 5, 1), ...options });
  return sandbox;
}

afterEach(() => sandbox.close());

async function own(path: string, body?: unknown): Promise<Called> {
  return described(
    await fetch(
      `${sandbox.url}${path}`,
      body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) },
    ),
  );
}

/** A connection on which these bytes were sent. */
async function sent(bytes: string): Promise<Socket> {
  const socket = connect(sandbox.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

describe('the sandbox', () => {
  it('says that it is a stand-in', async () => {
    await start();
    const { json, headers } = await own('/');
    expect(json['description']).toContain('stand-in');
    expect(headers.get('server')).toBe('ccloud-audit sandbox');
    expect((await call(sandbox, 'organization')).headers.get('server')).toBe('ccloud-audit sandbox');
    expect((await own('/elsewhere')).status).toBe(404);
  });

  it('accepts its key and no other, until it is revoked', async () => {
    await start();
    expect(sandbox.apiKey).toBe(sandboxApiKey);
    expect(sandbox.apiKey).toMatch(/^CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}$/);
    expect((await call(sandbox, 'organization')).json).toMatchObject({ id: sandbox.organization.id });
    expect(await call(sandbox, 'organization', { key: 'wrong' })).toMatchObject({
      status: 401,
      json: { code: 16, message: 'unauthenticated', details: [] },
    });
    sandbox.revokeKey();
    expect((await call(sandbox, 'organization')).status).toBe(401);
    sandbox.restoreKey();
    expect((await call(sandbox, 'organization')).status).toBe(200);
  });

  it('refuses an unknown version and answers in the newest without one', async () => {
    await start();
    expect(await call(sandbox, 'clusters', { version: '2020-01-01' })).toMatchObject({
      status: 400,
      json: { message: 'invalid Cc-Version.' },
    });
    expect((await call(sandbox, 'clusters', { version: undefined })).headers.get('cc-version')).toBe(
      '2024-09-16',
    );
  });

  it('has a Date of its own clock, which can be moved', async () => {
    await start();
    expect((await call(sandbox, 'clusters')).headers.get('date')).toBe('Mon, 01 Jun 2026 00:00:00 GMT');
    sandbox.advance(60_000);
    expect((await call(sandbox, 'clusters')).headers.get('date')).toBe('Mon, 01 Jun 2026 00:01:00 GMT');
  });

  it('limits the rate of a key by its clock, and says when to come again', async () => {
    await start({ requestsPerSecond: 3 });
    const statuses = [];
    for (let count = 0; count < 5; count += 1) statuses.push((await call(sandbox, 'organization')).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const refused = await call(sandbox, 'organization');
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.json).toMatchObject({ code: 8, message: 'rate limit exceeded' });
    sandbox.advance(1_000);
    expect((await call(sandbox, 'organization')).status).toBe(200);
  });

  it('refuses bodies over a mebibyte and bodies that are no JSON', async () => {
    await start();
    const body = 'x'.repeat(1_100_000);
    expect((await call(sandbox, 'clusters', { method: 'POST', body })).status).toBe(413);
    const response = await fetch(`${sandbox.url}/api/v1/clusters`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sandbox.apiKey}` },
      body: '{"name":',
    });
    expect(response.status).toBe(400);
  });

  it.each([
    ['GET', 'nothing', 404],
    ['GET', 'clusters/a/b/c/d/e', 404],
    ['POST', 'auditlogevents', 405],
    ['DELETE', 'clusters', 405],
    ['GET', 'clusters/%ff', 400],
  ])('answers %s %s with %i', async (method, path, status) => {
    await start();
    expect((await call(sandbox, path, { method })).status).toBe(status);
  });

  it('records what was asked, never keys or bodies, and counts', async () => {
    await start();
    await call(sandbox, 'clusters', { method: 'POST', body: { name: 'secret name' } });
    const { ids } = await page(sandbox, { limit: 5 });
    expect(sandbox.requests).toEqual([
      { method: 'POST', path: '/api/v1/clusters', query: '', status: 400, at: Date.UTC(2026, 5, 1) },
      {
        method: 'GET',
        path: '/api/v1/auditlogevents',
        query: 'limit=5',
        status: 200,
        at: Date.UTC(2026, 5, 1),
      },
    ]);
    expect(sandbox.counters).toEqual({
      requests: 2,
      pages: 1,
      entries: ids.length,
      byStatus: { 200: 1, 400: 1 },
    });
  });

  it('outlives clients that go away in the middle of a request or send nonsense', async () => {
    await start();
    const headers = `host: sandbox\r\nauthorization: Bearer ${sandbox.apiKey}\r\n`;
    const half = await sent(`POST /api/v1/clusters HTTP/1.1\r\n${headers}content-length: 100\r\n\r\n{"na`);
    half.resetAndDestroy();
    const nonsense = await sent(`GET //[ HTTP/1.1\r\n${headers}\r\n`);
    const [answer] = (await once(nonsense, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    nonsense.destroy();
    expect((await call(sandbox, 'organization')).status).toBe(200);
    expect(sandbox.requests).toHaveLength(1);
  });

  it('says which port is taken', async () => {
    await start();
    const error = await rejectionOf(startSandbox({ port: sandbox.port, entries: 1 }));
    expect(error.message).toContain(`port ${sandbox.port}`);
  });

  it('ends open connections when it is closed, and closing again is harmless', async () => {
    await start({ traps: ['hang-headers=1'] });
    const hanging = rejectionOf(call(sandbox, 'organization'));
    await expect.poll(() => sandbox.requests.length, { timeout: 10_000 }).toBe(1);
    await sandbox.close();
    expect(await hanging).toBeInstanceOf(Error);
    await sandbox.close();
  });
});

describe('the control endpoint', () => {
  it('tells the truth as JSON lines', async () => {
    await start();
    const lines = (await own('/sandbox/truth')).text.trimEnd().split('\n');
    const sha256 = createHash('sha256')
      .update(sandbox.truth()[3]?.raw ?? '')
      .digest('hex');
    expect(lines).toHaveLength(50);
    expect(JSON.parse(lines[3] ?? '')).toMatchObject({ id: sandbox.truth()[3]?.id, sha256, late: false });
  });

  it('sets traps, and explains what it can not set', async () => {
    await start();
    expect((await own('/sandbox/traps', { traps: ['feature-off'] })).status).toBe(200);
    expect((await call(sandbox, 'auditlogevents')).status).toBe(404);
    expect((await own('/sandbox/traps', { traps: ['inclusiv'] })).json['message']).toContain(
      'did you mean "inclusive"',
    );
    expect((await own('/sandbox/traps', { traps: ['big-ties'] })).json['message']).toContain(
      'only be set at the start',
    );
    expect((await own('/sandbox/traps', { traps: [] })).status).toBe(200);
    expect((await call(sandbox, 'auditlogevents')).status).toBe(200);
    expect((await own('/sandbox/traps')).json['traps']).toMatchObject({ reset: expect.any(String) });
  });

  it('appends entries, moves the clock, revokes the key and shows the requests', async () => {
    await start();
    expect((await own('/sandbox/append', { count: 3 })).json['entries']).toHaveLength(3);
    await own('/sandbox/append', {
      entries: [{ createdAt: '2026-01-01T00:00:00Z', fields: { action: 'OLD' } }],
    });
    expect(sandbox.truth()).toHaveLength(54);
    expect(sandbox.truth().filter(({ late }) => late === true)).toHaveLength(1);
    await own('/sandbox/advance', { ms: 5_000 });
    await own('/sandbox/key', { revoked: true });
    expect((await call(sandbox, 'organization')).headers.get('date')).toContain('00:00:05');
    expect((await own('/sandbox/requests')).json).toMatchObject({
      requests: [{ path: '/api/v1/organization', status: 401 }],
      counters: { requests: 1 },
    });
  });

  it.each([
    ['/sandbox/append', {}],
    ['/sandbox/append', { count: -1 }],
    ['/sandbox/append', { entries: [{ createdAt: 'soon' }] }],
    ['/sandbox/key', { revoked: 'yes' }],
    ['/sandbox/traps', { traps: 'all' }],
  ])('refuses %s %j', async (path, body) => {
    await start();
    expect((await own(path, body)).status).toBe(400);
  });

  it('is not there on an address that others can reach', async () => {
    await start({ host: '0.0.0.0' });
    const response = await fetch(`http://127.0.0.1:${sandbox.port}/sandbox/truth`);
    expect(response.status).toBe(404);
  });
});
