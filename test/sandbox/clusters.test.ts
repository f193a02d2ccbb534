import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { call, type CallOptions } from './sandbox-client.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({ entries: 10, now: () => Date.UTC(2026, 5, 1) });
});
afterEach(() => sandbox.close());

const serverless = {
  name: 'notorious-moose',
  provider: 'GCP',
  spec: { serverless: { regions: ['us-central1'], spendLimit: 0 } },
};

async function created(body: object = serverless, options: CallOptions = {}): Promise<string> {
  const { status, json } = await call(sandbox, 'clusters', { method: 'POST', body, ...options });
  expect(status).toBe(200);
  return String(json['id']);
}

async function ready(body: object = serverless, options: CallOptions = {}): Promise<string> {
  const id = await created(body, options);
  sandbox.advance(3_000);
  return id;
}

async function listed(query = ''): Promise<readonly Record<string, unknown>[]> {
  const { json } = await call(sandbox, `clusters${query}`);
  return json['clusters'] as Record<string, unknown>[];
}

function actions(): readonly unknown[] {
  return sandbox
    .truth()
    .slice(10)
    .map(({ raw }) => (JSON.parse(raw.toString()) as Record<string, unknown>)['action']);
}

function user(name: string, password?: string): CallOptions {
  return { method: 'POST', body: { name, password } };
}

async function payloadTypes(version: string): Promise<readonly string[]> {
  const { json } = await call(sandbox, 'auditlogevents', { version });
  return (json['entries'] as Record<string, unknown>[]).map((entry) => typeof entry['payload']);
}

describe('a cluster', () => {
  it('is CREATING first and CREATED a moment later', async () => {
    const id = await created();
    expect((await call(sandbox, `clusters/${id}`)).json).toMatchObject({
      state: 'CREATING',
      name: 'notorious-moose',
    });
    expect(await call(sandbox, `clusters/${id}/sql-users`)).toMatchObject({ status: 404, json: { code: 5 } });
    sandbox.advance(3_000);
    expect((await call(sandbox, `clusters/${id}`)).json).toMatchObject({
      state: 'CREATED',
      deleted_at: null,
    });
    expect((await call(sandbox, `clusters/${id}/sql-users`)).json).toMatchObject({ users: [] });
  });

  it('leaves the list when it is deleted and comes back with show_inactive', async () => {
    const id = await ready();
    expect((await listed()).some((cluster) => cluster['id'] === id)).toBe(true);
    expect((await call(sandbox, `clusters/${id}`, { method: 'DELETE' })).json).toMatchObject({
      id,
      state: 'DELETED',
    });
    expect((await listed()).some((cluster) => cluster['id'] === id)).toBe(false);
    expect((await listed('?show_inactive=true')).some((cluster) => cluster['id'] === id)).toBe(true);
    expect((await call(sandbox, `clusters/${id}`, { method: 'DELETE' })).status).toBe(404);
    expect(actions()).toEqual(['AUDIT_LOG_ACTION_CREATE_CLUSTER', 'AUDIT_LOG_ACTION_DELETE_CLUSTER']);
  });

  it('can not be deleted while it is locked or protected, and then can', async () => {
    const clusters = await listed();
    const isLocked = clusters.find((cluster) => cluster['state'] === 'LOCKED');
    const isProtected = clusters.find((cluster) => cluster['delete_protection'] === 'ENABLED');
    for (const cluster of [isLocked, isProtected]) {
      const answer = await call(sandbox, `clusters/${String(cluster?.['id'])}`, { method: 'DELETE' });
      expect(answer).toMatchObject({ status: 400, json: { code: 9 } });
    }
    const path = `clusters/${String(isProtected?.['id'])}`;
    await call(sandbox, path, { method: 'PATCH', body: { delete_protection: 'DISABLED' } });
    expect((await call(sandbox, path, { method: 'DELETE' })).status).toBe(200);
    expect(actions()).toEqual(['AUDIT_LOG_ACTION_SET_DELETE_PROTECTION', 'AUDIT_LOG_ACTION_DELETE_CLUSTER']);
  });

  it('is changed by a bare body and by one wrapped in spec', async () => {
    const id = await ready();
    const version = '2022-09-20';
    await call(sandbox, `clusters/${id}`, {
      method: 'PATCH',
      version,
      body: { serverless: { spend_limit: 700 } },
    });
    await call(sandbox, `clusters/${id}`, {
      method: 'PATCH',
      version,
      body: { spec: { serverless: { usageLimits: { requestUnitLimit: 5, storageMibLimit: '6' } } } },
    });
    const { json } = await call(sandbox, `clusters/${id}`, { version });
    expect(json['config']).toMatchObject({
      serverless: { spend_limit: 700, usage_limits: { request_unit_limit: '5', storage_mib_limit: '6' } },
    });
  });

  it('takes its plan from the spec or from the top', async () => {
    const inSpec = { ...serverless, name: 'plan-in-spec', spec: { ...serverless.spec, plan: 'STANDARD' } };
    const atTop = { ...serverless, name: 'plan-at-top', plan: 'STANDARD' };
    for (const body of [inSpec, atTop]) {
      expect((await call(sandbox, 'clusters', { method: 'POST', body })).json).toMatchObject({
        plan: 'STANDARD',
      });
    }
  });

  it('has nodes where it is dedicated', async () => {
    const body = {
      name: 'six-nodes',
      provider: 'AWS',
      spec: {
        dedicated: { region_nodes: { 'us-east-1': 3, 'eu-west-1': 1 }, hardware: { storage_gib: 20 } },
      },
    };
    const id = await ready(body);
    const { json } = await call(sandbox, `clusters/${id}/nodes`);
    expect(json['nodes']).toHaveLength(4);
    const some = await call(sandbox, `clusters/${id}/nodes?region_name=eu-west-1`);
    expect(some.json['nodes']).toMatchObject([{ region_name: 'eu-west-1', status: 'LIVE' }]);
    expect((await call(sandbox, `clusters/${await ready()}/nodes`)).status).toBe(400);
  });

  it('has a spend limit under the old versions only, and the answer has no body', async () => {
    const id = await ready();
    const put = (version: string): ReturnType<typeof call> =>
      call(sandbox, `clusters/${id}/spend-limit`, { method: 'PUT', version, body: { spendLimit: 500 } });
    expect(await put('2022-03-31')).toMatchObject({ status: 200, text: '' });
    expect((await call(sandbox, `clusters/${id}`, { version: '2022-03-31' })).json['config']).toMatchObject({
      serverless: { spend_limit: 500 },
    });
    expect((await put('2024-09-16')).status).toBe(404);
  });

  it.each([
    ['a taken name', 409, 6, serverless],
    ['a name with a blank', 400, 3, { ...serverless, name: 'two words' }],
    ['an unknown provider', 400, 3, { ...serverless, name: 'other-name', provider: 'HAHA' }],
    ['no region', 400, 3, { ...serverless, name: 'other-name', spec: { serverless: { regions: [] } } }],
    ['neither kind', 400, 3, { ...serverless, name: 'other-name', spec: {} }],
    [
      'a broken limit',
      400,
      3,
      { ...serverless, name: 'other-name', spec: { serverless: { regions: ['us-east1'], spendLimit: -1 } } },
    ],
  ])('is refused with %s', async (_what, status, code, body) => {
    await created();
    expect(await call(sandbox, 'clusters', { method: 'POST', body })).toMatchObject({
      status,
      json: { code },
    });
  });

  it('names the region that was meant', async () => {
    const body = { ...serverless, spec: { serverless: { regions: ['us-east-1'] } } };
    const { json } = await call(sandbox, 'clusters', { method: 'POST', body });
    expect(json['message']).toBe(
      "invalid argument: invalid region name 'us-east-1' for GCP. Did you mean to use 'us-east1'",
    );
  });
});

describe('SQL users', () => {
  it('are created, listed, changed and deleted, and no password is kept or echoed', async () => {
    const id = await ready();
    const path = `clusters/${id}/sql-users`;
    const secret = 'correct horse battery';
    const bob = { name: 'bob', password: secret };
    const answers = [
      await call(sandbox, path, { method: 'POST', body: bob }),
      await call(sandbox, `${path}/bob/password`, { method: 'PUT', body: { password: `${secret} 2` } }),
      await call(sandbox, `${path}/bob`, { method: 'DELETE' }),
    ];
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      expect(text).toBe('{"name":"bob"}');
    }
    expect(actions().slice(1)).toEqual([
      'AUDIT_LOG_ACTION_CREATE_SQL_USER',
      'AUDIT_LOG_ACTION_CHANGE_SQL_USER_PASSWORD',
      'AUDIT_LOG_ACTION_DELETE_SQL_USER',
    ]);
    expect(sandbox.truth().some(({ raw }) => raw.includes('horse'))).toBe(false);
    expect(JSON.stringify(sandbox.requests)).not.toContain('horse');
  });

  it('are refused where they exist, are missing, or their cluster is', async () => {
    const id = await ready();
    await call(sandbox, `clusters/${id}/sql-users`, user('bob', 'x'));
    expect(await call(sandbox, `clusters/${id}/sql-users`, user('bob', 'x'))).toMatchObject({
      status: 409,
      json: { code: 6 },
    });
    expect((await call(sandbox, `clusters/${id}/sql-users`, user('eve'))).status).toBe(400);
    expect((await call(sandbox, `clusters/${id}/sql-users/nobody`, { method: 'DELETE' })).status).toBe(404);
    expect(await call(sandbox, 'clusters/nowhere/sql-users')).toMatchObject({
      status: 404,
      json: { code: 5 },
    });
  });

  it('may have names that a path has to encode', async () => {
    const id = await ready();
    await call(sandbox, `clusters/${id}/sql-users`, {
      method: 'POST',
      body: { name: 'jürgen.1', password: 'x' },
    });
    const { text } = await call(sandbox, `clusters/${id}/sql-users/${encodeURIComponent('jürgen.1')}`, {
      method: 'DELETE',
    });
    expect(text).toBe('{"name":"jürgen.1"}');
  });
});

describe('lists', () => {
  it('name the regions of a provider, nearest first', async () => {
    const { json } = await call(sandbox, 'clusters/available-regions?provider=AZURE');
    const regions = json['regions'] as { readonly provider: string; readonly distance: number }[];
    expect(regions.every(({ provider }) => provider === 'AZURE')).toBe(true);
    expect(regions.map(({ distance }) => distance)).toEqual(
      regions.map(({ distance }) => distance).toSorted((left, right) => left - right),
    );
    expect(
      (await call(sandbox, 'clusters/available-regions?provider=AZURE', { version: '2022-09-20' })).status,
    ).toBe(400);
  });

  it('are read whole through either generation of page tokens', async () => {
    const all = (await listed()).map(({ name }) => name);
    for (const [version, query, read] of [
      ['2022-03-31', 'pagination.start_key', 'next'],
      ['2024-09-16', 'pagination.page', 'next_page'],
    ] as const) {
      const names: unknown[] = [];
      const tokens: string[] = [];
      let token = '';
      do {
        const { json } = await call(
          sandbox,
          `clusters?pagination.limit=3&${query}=${encodeURIComponent(token)}`,
          { version },
        );
        names.push(...(json['clusters'] as Record<string, unknown>[]).map(({ name }) => name));
        token = String((json['pagination'] as Record<string, unknown>)[read]);
        tokens.push(token);
      } while (token !== '');
      expect(names).toEqual(all);
      // A token is not fit for a query string as it is.
      expect(encodeURIComponent(tokens[0] ?? '')).not.toBe(tokens[0]);
    }
    expect((await call(sandbox, 'clusters?pagination.page=made-up')).status).toBe(400);
  });
});

describe('every version', () => {
  it.each([
    ['2022-03-31', 'SERVERLESS', 'CLUSTER_STATUS_UNSPECIFIED', ['spend_limit', 'routing_id'], 404, 404],
    [
      '2022-09-20',
      'SERVERLESS',
      'CLUSTER_STATUS_UNSPECIFIED',
      ['routing_id', 'spend_limit', 'usage_limits'],
      200,
      404,
    ],
    ['2023-04-10', 'SERVERLESS', 'UNSPECIFIED', ['routing_id', 'spend_limit', 'usage_limits'], 200, 200],
    ['2024-09-16', 'BASIC', 'UNSPECIFIED', ['routing_id', 'upgrade_type', 'usage_limits'], 200, 200],
  ])('%s has its own names and shapes', async (version, plan, status, config, organization, audit) => {
    const id = await ready(serverless, { version });
    const { json, headers } = await call(sandbox, `clusters/${id}`, { version });
    expect(headers.get('cc-version')).toBe(version);
    expect(json).toMatchObject({ plan, operation_status: status });
    expect(Object.keys((json['config'] as { serverless: object }).serverless)).toEqual(config);
    expect('upgrade_status' in json).toBe(version > '2022-04');
    expect('delete_protection' in json).toBe(version > '2023');
    expect('labels' in json).toBe(version > '2024');
    expect((await call(sandbox, 'organization', { version })).status).toBe(organization);
    expect((await call(sandbox, 'auditlogevents', { version })).status).toBe(audit);
  });

  it('prints payloads as objects under 2023-04-10 and mostly as strings under 2024-09-16', async () => {
    expect((await payloadTypes('2023-04-10')).filter((type) => type === 'string')).toEqual([]);
    expect((await payloadTypes('2024-09-16')).filter((type) => type === 'string').length).toBeGreaterThan(5);
  });
});
