import { describe, expect, onTestFinished, test } from 'vitest';
import { type CloudApi, createCloudApi } from '../../src/cloud-api/cloud-api.ts';
import { Caller } from '../../src/cloud-api/caller.ts';
import { type CloudApiOptions, resolveOptions } from '../../src/cloud-api/client-options.ts';
import { CloudApiError } from '../../src/cloud-api/cloud-api-error.ts';
import { createTransport } from '../../src/cloud-api/http-transport.ts';
import { listAll } from '../../src/cloud-api/paged-list.ts';
import { answer, type HttpServer, startHttpServer } from '../helpers/http-server.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const signal = new AbortController().signal;
const cluster = {
  id: 'c1',
  name: 'moose',
  plan: 'BASIC',
  state: 'CREATING',
  strange: { new: [1] },
  deleted_at: null,
};

function apiAt(url: string, options: Partial<CloudApiOptions> = {}): CloudApi {
  const api = createCloudApi({
    url,
    apiKey: 'key',
    requestsPerSecond: 1000,
    retry: { attempts: 3, backoffMs: 1 },
    ...options,
  });
  onTestFinished(() => api.close());
  return api;
}

async function failureOf(work: Promise<unknown>): Promise<CloudApiError> {
  const error = await rejectionOf(work);
  if (error instanceof CloudApiError) return error;
  throw error;
}

function create(api: CloudApi): Promise<unknown> {
  return api.createSqlUser({ clusterId: 'c1', name: 'u', password: 'hunter2-hunter2' }, { signal });
}

/** A server without `PUT …/spend-limit`; `found` is the cluster, if it has it. */
async function serverWithout(putStatus: number, found: unknown): Promise<HttpServer> {
  return await startHttpServer(({ method }, response) => {
    if (method === 'PUT') answer(response, putStatus, { code: 5, message: 'Not Found' });
    else if (found === undefined) answer(response, 404, {});
    else answer(response, 200, found);
  });
}

describe('each operation asks what the guide says and keeps every field', () => {
  const operations: readonly (readonly [
    name: string,
    run: (api: CloudApi) => Promise<unknown>,
    request: {
      readonly method: string;
      readonly path: string;
      readonly body?: unknown;
      readonly query?: string;
    },
    answered: unknown,
    result: unknown,
  ])[] = [
    [
      'create a cluster',
      (api) =>
        api.createCluster(
          { name: 'moose', provider: 'GCP', spec: { serverless: { regions: ['r'] } } },
          { signal },
        ),
      {
        method: 'POST',
        path: '/api/v1/clusters',
        body: { name: 'moose', provider: 'GCP', spec: { serverless: { regions: ['r'] } } },
      },
      cluster,
      cluster,
    ],
    [
      'get a cluster',
      (api) => api.getCluster('c1', { signal }),
      { method: 'GET', path: '/api/v1/clusters/c1' },
      cluster,
      cluster,
    ],
    [
      'list clusters',
      (api) => api.listClusters({ signal }),
      { method: 'GET', path: '/api/v1/clusters', query: '' },
      { clusters: [cluster], pagination: null },
      [cluster],
    ],
    [
      'list inactive clusters too',
      (api) => api.listClusters({ signal, showInactive: true }),
      { method: 'GET', path: '/api/v1/clusters', query: 'show_inactive=true' },
      { clusters: null },
      [],
    ],
    [
      'delete a cluster',
      (api) => api.deleteCluster('c1', { signal }),
      { method: 'DELETE', path: '/api/v1/clusters/c1' },
      cluster,
      cluster,
    ],
    [
      'delete, answered with {}',
      (api) => api.deleteCluster('c1', { signal }),
      { method: 'DELETE', path: '/api/v1/clusters/c1' },
      {},
      undefined,
    ],
    [
      'delete, answered with nothing',
      (api) => api.deleteCluster('c1', { signal }),
      { method: 'DELETE', path: '/api/v1/clusters/c1' },
      '',
      undefined,
    ],
    [
      'list nodes',
      (api) => api.listNodes('c1', { signal, regionName: 'us west' }),
      { method: 'GET', path: '/api/v1/clusters/c1/nodes', query: 'region_name=us+west' },
      { nodes: [{ name: 'n1', region_name: 'r', status: 'ODD' }] },
      [{ name: 'n1', region_name: 'r', status: 'ODD' }],
    ],
    [
      'set the spend limit',
      (api) => api.setSpendLimit({ clusterId: 'c1', cents: 0 }, { signal }),
      { method: 'PUT', path: '/api/v1/clusters/c1/spend-limit', body: { spendLimit: 0 } },
      '',
      undefined,
    ],
    [
      'list regions given as objects and as names',
      (api) => api.listRegions({ provider: 'GCP', serverless: true }, { signal }),
      { method: 'GET', path: '/api/v1/clusters/available-regions', query: 'provider=GCP&serverless=true' },
      { regions: [{ name: 'a', distance: 1.5, x: 1 }, 'b'] },
      [{ name: 'a', distance: 1.5, x: 1 }, { name: 'b' }],
    ],
    [
      'list SQL users',
      (api) => api.listSqlUsers('c1', { signal }),
      { method: 'GET', path: '/api/v1/clusters/c1/sql-users' },
      { users: [{ name: 'u' }] },
      [{ name: 'u' }],
    ],
    [
      'create a SQL user',
      (api) => api.createSqlUser({ clusterId: 'c1', name: 'u', password: 'p' }, { signal }),
      { method: 'POST', path: '/api/v1/clusters/c1/sql-users', body: { name: 'u', password: 'p' } },
      { name: 'u' },
      { name: 'u' },
    ],
    [
      'delete a SQL user with an odd name',
      (api) => api.deleteSqlUser({ clusterId: 'c1', name: 'a/b?é' }, { signal }),
      { method: 'DELETE', path: '/api/v1/clusters/c1/sql-users/a%2Fb%3F%C3%A9' },
      {},
      { name: 'a/b?é' },
    ],
    [
      "change a SQL user's password",
      (api) => api.setSqlUserPassword({ clusterId: 'c1', name: 'u', password: 'p' }, { signal }),
      { method: 'PUT', path: '/api/v1/clusters/c1/sql-users/u/password', body: { password: 'p' } },
      { name: 'u', more: true },
      { name: 'u', more: true },
    ],
  ];

  test.each(operations)('%s', async (_name, run, expected, answered, result) => {
    const server = await startHttpServer((_request, response) => answer(response, 200, answered));
    await expect(run(apiAt(server.url))).resolves.toEqual(result);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: expected.method, path: expected.path });
    expect(request?.headers['cc-version']).toBe('2024-09-16');
    expect(request?.query.toString()).toBe(expected.query ?? '');
    expect(request?.body).toBe(expected.body === undefined ? '' : JSON.stringify(expected.body));
    const type = expected.body === undefined ? undefined : 'application/json';
    expect(request?.headers['content-type']).toBe(type);
  });
});

describe('lists', () => {
  test('follow opaque tokens, encoded, until the token is empty', async () => {
    const server = await startHttpServer(({ query }, response) => {
      const token = query.get('pagination.page');
      if (token === null)
        answer(response, 200, {
          users: [{ name: 'a' }],
          pagination: { next_page: 'x+/=&é', previous_page: '' },
        });
      else answer(response, 200, { users: [{ name: token }], pagination: { next_page: '' } });
    });
    const users = await apiAt(server.url).listSqlUsers('c1', { signal });
    expect(users).toEqual([{ name: 'a' }, { name: 'x+/=&é' }]);
  });

  test('follow keys, as 2022-03-31 has them, and keep the filter', async () => {
    const server = await startHttpServer(({ query }, response) => {
      const isFirst = query.get('pagination.start_key') === null;
      answer(response, 200, {
        clusters: [{ id: isFirst ? '1' : '2' }],
        pagination: { next: isFirst ? 'k 1' : '', last: 'k 9', limit: 1, time: null, order: 'ASC' },
      });
    });
    const clusters = await apiAt(server.url).listClusters({ signal, showInactive: true });
    expect(clusters.map(({ id }) => id)).toEqual(['1', '2']);
    expect(server.requests.map(({ query }) => query.toString())).toEqual([
      'show_inactive=true',
      'show_inactive=true&pagination.start_key=k+1',
    ]);
  });

  test.each([
    [{ next: 0, last: 0, limit: 0, total_results: 0 }, 1],
    [{ next: 1, last: 1, limit: 1, total_results: 2 }, 2],
    [{ next: 1, last: 1, limit: 1, totalResults: 1 }, 1],
  ])('follow numbers, as 2021 had them: %j', async (pagination, count) => {
    const server = await startHttpServer((_request, response) => {
      answer(response, 200, { nodes: [{ name: 'n' }], pagination });
    });
    expect(await apiAt(server.url).listNodes('c1', { signal })).toHaveLength(count);
    expect(server.requests.at(-1)?.query.get('pagination.start')).toBe(count === 2 ? '1' : null);
  });

  test('a token that repeats is an error, not a loop and not a short list', async () => {
    const server = await startHttpServer((_request, response) => {
      answer(response, 200, { users: [{ name: 'a' }], pagination: { next_page: 'same' } });
    });
    const error = await failureOf(apiAt(server.url).listSqlUsers('c1', { signal }));
    expect(error).toMatchObject({ code: 'response_unusable', retryable: false });
    expect(error.message).toContain('repeats a position');
  });

  test('a list without end is an error', async () => {
    const server = await startHttpServer(({ number }, response) => {
      answer(response, 200, { users: [], pagination: { next_page: String(number) } });
    });
    const transport = createTransport({
      methods: ['GET'],
      timeoutMs: 5000,
      bodyBytesMax: 1000,
      usesProxy: false,
    });
    const settings = resolveOptions({ url: server.url, apiKey: 'key', requestsPerSecond: 1000 });
    const caller = new Caller(transport, settings);
    onTestFinished(() => caller.close());
    const endless = listAll(caller, {
      path: '/users',
      field: 'users',
      role: 'a role',
      signal,
      pagesMax: 5,
      readItem: (value) => value,
    });
    expect((await failureOf(endless)).message).toContain('more than 5 pages');
    expect(server.requests).toHaveLength(5);
  });

  test.each([{ users: {} }, { users: [{}] }, { users: ['x'] }, [], 'null'])(
    '%j is no list of SQL users',
    async (body) => {
      const server = await startHttpServer((_request, response) => answer(response, 200, body));
      expect(await failureOf(apiAt(server.url).listSqlUsers('c1', { signal }))).toMatchObject({
        code: 'response_unusable',
      });
    },
  );
});

describe('what changes something is never sent twice', () => {
  test.each([
    ['a reset', (response: { destroy: () => unknown }) => response.destroy(), 'unreachable'],
    ['silence', () => undefined, 'timed_out'],
  ])('not after %s, and the error says that it may have happened', async (_name, react, code) => {
    const server = await startHttpServer((_request, response) => {
      react(response);
    });
    const error = await failureOf(create(apiAt(server.url, { requestTimeoutMs: 150 })));
    expect(error.code).toBe(code);
    expect(error.message).toContain('may have been made');
    expect(server.requests).toHaveLength(1);
  });

  test.each([500, 502, 503, 504])('not after %i, even with Retry-After', async (status) => {
    const server = await startHttpServer((_request, response) =>
      answer(response, status, '', { 'retry-after': '0' }),
    );
    expect(await failureOf(create(apiAt(server.url)))).toMatchObject({ code: 'server_failed' });
    expect(server.requests).toHaveLength(1);
  });

  test('not after a success that can not be read', async () => {
    const server = await startHttpServer((_request, response) => answer(response, 200, '{"name":'));
    const error = await failureOf(create(apiAt(server.url)));
    expect(error.message).toContain('may have been made');
    expect(server.requests).toHaveLength(1);
  });

  test('but it is after a refusal for the rate, which did nothing', async () => {
    const server = await startHttpServer(({ number }, response) => {
      answer(response, number === 1 ? 429 : 200, { name: 'u' });
    });
    await expect(create(apiAt(server.url))).resolves.toEqual({ name: 'u' });
    expect(server.requests).toHaveLength(2);
  });

  test('and after connections that were never made', async () => {
    const statuses: (number | undefined)[] = [];
    const api = apiAt('http://127.0.0.1:1', { onRequest: ({ status }) => void statuses.push(status) });
    const error = await failureOf(create(api));
    expect(error.code).toBe('unreachable');
    expect(error.message).not.toContain('may have been made');
    expect(statuses).toEqual([undefined, undefined, undefined]);
  });

  test('a password that the server repeats does not get into the error', async () => {
    const server = await startHttpServer((request, response) => {
      answer(response, 400, { message: `bad request: ${request.body}` });
    });
    const error = await failureOf(create(apiAt(server.url)));
    expect(error.message).toContain('bad request');
    expect(JSON.stringify([error.message, error])).not.toContain('hunter2');
  });
});

describe('names and ids', () => {
  test.each(['', '.', '..'])(
    '%j, which a path can not carry, is refused before anything is sent',
    async (name) => {
      const server = await startHttpServer((_request, response) => answer(response, 200, {}));
      const api = apiAt(server.url);
      await expect(api.deleteSqlUser({ clusterId: 'c1', name }, { signal })).rejects.toMatchObject({
        kind: 'usage',
      });
      await expect(api.deleteCluster(name, { signal })).rejects.toMatchObject({ kind: 'usage' });
      expect(server.requests).toHaveLength(0);
    },
  );
});

describe('the spend limit where PUT is gone', () => {
  test.each([404, 405, 501])('%i: older versions are asked with PATCH', async (status) => {
    const server = await serverWithout(status, cluster);
    const api = apiAt(server.url, { version: '2022-09-20' });
    await expect(api.setSpendLimit({ clusterId: 'c1', cents: 500 }, { signal })).resolves.toEqual(cluster);
    expect(server.requests.map(({ method }) => method)).toEqual(['PUT', 'GET', 'PATCH']);
    expect(server.requests[2]?.path).toBe('/api/v1/clusters/c1');
    expect(JSON.parse(server.requests[2]?.body ?? '')).toEqual({ serverless: { spend_limit: 500 } });
  });

  test('a version without spend limits is named, with what to do instead', async () => {
    const server = await serverWithout(404, cluster);
    const error = await failureOf(
      apiAt(server.url).setSpendLimit({ clusterId: 'c1', cents: 500 }, { signal }),
    );
    expect(error.code).toBe('operation_gone');
    expect(error.message).toMatch(/2024-09-16 has no spend limit.*usage limits.*2023-04-10/);
    expect(server.requests.map(({ method }) => method)).toEqual(['PUT', 'GET']);
  });

  test('a cluster that is missing is told apart from an operation that is', async () => {
    const server = await serverWithout(404, undefined);
    const error = await failureOf(
      apiAt(server.url).setSpendLimit({ clusterId: 'c1', cents: 500 }, { signal }),
    );
    expect(error).toMatchObject({ code: 'not_found' });
    expect(error.message).toContain('no such cluster');
  });

  test('a plan that never had one is named', async () => {
    const server = await serverWithout(405, { ...cluster, plan: 'DEDICATED' });
    const api = apiAt(server.url, { version: '2022-03-31' });
    expect((await failureOf(api.setSpendLimit({ clusterId: 'c1', cents: 1 }, { signal }))).message).toContain(
      'plan is DEDICATED',
    );
  });

  test.each([-1, 0.5, 2 ** 31, Number.NaN])('%d cents are refused before anything is sent', async (cents) => {
    const api = apiAt('http://127.0.0.1:1');
    await expect(api.setSpendLimit({ clusterId: 'c1', cents }, { signal })).rejects.toMatchObject({
      kind: 'usage',
    });
  });
});

test('a transport made for looking sends nothing else, whatever the types say', async () => {
  const server = await startHttpServer((_request, response) => answer(response, 200, {}));
  const transport = createTransport({
    methods: ['GET'],
    timeoutMs: 1000,
    bodyBytesMax: 1000,
    usesProxy: false,
  });
  onTestFinished(() => transport.close());
  const request = { method: 'DELETE' as 'GET', url: new URL(server.url), headers: {}, signal };
  await expect(transport.send(request)).rejects.toThrow('never sends DELETE');
  expect(server.requests).toHaveLength(0);
});
