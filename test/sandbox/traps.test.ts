import { afterEach, describe, expect, it } from 'vitest';
import { startSandbox, trapNames, type Sandbox, type TrapName } from '../../src/sandbox/index.ts';
import { protoTimestamp } from '../../src/sandbox/entry-writer.ts';
import { nanos, parseTimestamp } from '../../src/time.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { call, page, walk, type Page } from './sandbox-client.ts';

const startedAt = Date.UTC(2026, 5, 1);
const running: Sandbox[] = [];

/** A sandbox in which the trap always goes off. */
async function sprung(trap: TrapName, others: readonly string[] = [], entries = 400): Promise<Sandbox> {
  const sandbox = await startSandbox({ entries, now: () => startedAt, traps: [`${trap}=1`, ...others] });
  running.push(sandbox);
  return sandbox;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((sandbox) => sandbox.close()));
});

/** Probes of one kind: what is seen of a trap, and what is expected. */
type Probe = (trap: TrapName) => Promise<void>;

const idsOf = (sandbox: Sandbox): readonly string[] => sandbox.truth().map(({ id }) => id);
const allIds = (pages: readonly Page[]): readonly unknown[] => pages.flatMap(({ ids }) => ids);
const timeAt = (sandbox: Sandbox, index: number): string =>
  protoTimestamp(nanos(sandbox.truth()[index]?.createdAt ?? 0n));

/** Every request to the audit log is answered this way. */
function answers(expected: object, path = 'auditlogevents'): Probe {
  return async (trap) => {
    expect(await call(await sprung(trap), path)).toMatchObject(expected);
  };
}

/** The next position of the page after the newest entry. */
function tail(expected: (sandbox: Sandbox, asked: string) => string | undefined): Probe {
  return async (trap) => {
    const sandbox = await sprung(trap);
    const asked = '2026-06-01T00:00:00.000001Z';
    const { ids, next } = await page(sandbox, { starting_from: asked });
    expect(ids).toEqual([]);
    expect(next).toBe(expected(sandbox, asked));
  };
}

function rateLimited(status: number, retryAfter: RegExp | null): Probe {
  return async (trap) => {
    const answer = await call(await sprung(trap), 'auditlogevents');
    expect(answer).toMatchObject({ status, json: { message: 'rate limit exceeded' } });
    const header = answer.headers.get('retry-after');
    expect(retryAfter === null ? header === null : retryAfter.test(header ?? '')).toBe(true);
  };
}

function entryField(name: string, matches: (values: readonly unknown[]) => boolean): Probe {
  return async (trap) => {
    const sandbox = await sprung(trap);
    const entries = (await walk(sandbox)).flatMap((one) => one.entries);
    expect(entries).toHaveLength(400);
    expect(matches(entries.map((entry) => entry[name]))).toBe(true);
  };
}

function date(expected: string | null): Probe {
  return async (trap) => {
    expect((await call(await sprung(trap), 'organization')).headers.get('date')).toBe(expected);
  };
}

function firstCluster(expected: (cluster: Record<string, unknown>) => boolean): Probe {
  return async (trap) => {
    const { json } = await call(await sprung(trap), 'clusters');
    expect(expected((json['clusters'] as Record<string, unknown>[])[0] ?? {})).toBe(true);
  };
}

async function newCluster(sandbox: Sandbox): Promise<string> {
  const body = { name: 'quick-newt', provider: 'GCP', spec: { serverless: { regions: ['us-east1'] } } };
  const { json } = await call(sandbox, 'clusters', { method: 'POST', body });
  sandbox.advance(5_000);
  return String(json['id']);
}

function spendLimit(status: number, version: string): Probe {
  return async (trap) => {
    const sandbox = await sprung(trap);
    const path = `clusters/${await newCluster(sandbox)}/spend-limit`;
    expect((await call(sandbox, path, { method: 'PUT', version, body: { spendLimit: 1 } })).status).toBe(
      status,
    );
  };
}

function deletion(text: string): Probe {
  return async (trap) => {
    const sandbox = await sprung(trap);
    const answer = await call(sandbox, `clusters/${await newCluster(sandbox)}`, { method: 'DELETE' });
    expect(answer).toMatchObject({ status: 200, text });
  };
}

/** The connection breaks before a whole answer is there. */
const breaks: Probe = async (trap) => {
  expect(await rejectionOf(call(await sprung(trap), 'auditlogevents'))).toBeInstanceOf(TypeError);
};

/** Entries that are there only after the end was read once. */
function late(hoursMax: number): Probe {
  return async (trap) => {
    const sandbox = await sprung(trap, [], 4_000);
    const held = sandbox.truth().filter((entry) => entry.late === true);
    expect(held.length).toBeGreaterThan(2);
    const oldest = parseTimestamp(timeAt(sandbox, 0)) ?? 0n;
    expect(held.every(({ createdAt }) => createdAt > oldest)).toBe(true);
    const first = allIds(await walk(sandbox, { limit: 1_000 }));
    expect(held.some(({ id }) => first.includes(id))).toBe(false);
    expect(allIds(await walk(sandbox, { limit: 1_000 }))).toEqual(idsOf(sandbox));
    const since = nanos(BigInt(startedAt - hoursMax * 3_600_000) * 1_000_000n);
    expect(held.every(({ createdAt }) => createdAt >= since)).toBe(true);
  };
}

async function raw(sandbox: Sandbox, path: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${sandbox.url}/api/v1/${path}`, {
    headers: { authorization: `Bearer ${sandbox.apiKey}` },
    ...(signal === undefined ? {} : { signal }),
  });
}

async function firstPiece(
  response: Response,
): Promise<{ readonly bytes: number; readonly stop: () => Promise<void> }> {
  const reader = (response.body ?? new ReadableStream<Uint8Array>()).getReader();
  const { value } = await reader.read();
  return { bytes: value?.length ?? 0, stop: () => reader.cancel() };
}

const positions: Partial<Record<TrapName, Probe>> = {
  inclusive: async (trap) => {
    const sandbox = await sprung(trap);
    const from = timeAt(sandbox, 40);
    const both = [
      await page(sandbox, { starting_from: from }),
      await page(sandbox, { starting_from: from, sort_order: 'DESC' }),
    ];
    expect(both.every(({ ids }) => ids.includes(idsOf(sandbox)[40]))).toBe(true);
    expect(new Set(allIds(await walk(sandbox, { limit: 50 }))).size).toBe(400);
  },
  'exclusive-then-inclusive': async (trap) => {
    const sandbox = await sprung(trap);
    const from = timeAt(sandbox, 40);
    const seen: boolean[] = [];
    for (let count = 0; count < 6; count += 1) {
      seen.push((await page(sandbox, { starting_from: from })).ids.includes(idsOf(sandbox)[40]));
    }
    expect(seen).toEqual([false, false, false, false, true, true]);
  },
  'tail-now': tail(() => '2026-06-01T00:00:00Z'),
  'tail-last': tail((sandbox) => timeAt(sandbox, 399)),
  'tail-absent': tail(() => undefined),
  'tail-echo': async (trap) => {
    const sandbox = await sprung(trap);
    const from = timeAt(sandbox, 390);
    const { ids, next } = await page(sandbox, { starting_from: from });
    expect([ids.length > 0, next]).toEqual([true, from]);
  },
  'tail-future': tail(() => '2026-06-02T00:00:00Z'),
  'tail-repeats-entries': async (trap) => {
    const sandbox = await sprung(trap);
    const asked = '2026-06-01T00:00:00Z';
    const { ids, next } = await page(sandbox, { starting_from: asked });
    expect(ids.length).toBeGreaterThan(0);
    expect(ids).toEqual(idsOf(sandbox).slice(-ids.length));
    expect((await page(sandbox, { starting_from: next ?? '' })).ids).toEqual(ids);
  },
  'desc-end-empty': async (trap) => {
    const pages = await walk(await sprung(trap), { sort_order: 'DESC', limit: 100 });
    expect(pages.at(-1)).toMatchObject({ ids: [], next: undefined });
  },
  'entries-null': async (trap) => {
    expect((await page(await sprung(trap), { starting_from: '2026-06-01T00:00:00Z' })).text).toContain(
      '"entries":null',
    );
  },
  'entries-missing': async (trap) => {
    expect((await page(await sprung(trap), { starting_from: '2026-06-01T00:00:00Z' })).text).toBe(
      '{"next_starting_from":"2026-06-01T00:00:00Z"}',
    );
  },
  'seconds-cursor': async (trap) => {
    expect((await page(await sprung(trap), { limit: 33 })).next).toMatch(/:\d\dZ$/);
  },
  'stuck-cursor': async (trap) => {
    const sandbox = await sprung(trap);
    const from = timeAt(sandbox, 10);
    expect((await page(sandbox, { starting_from: from, limit: 5 })).next).toBe(from);
  },
  'backward-cursor': async (trap) => {
    const sandbox = await sprung(trap);
    const { next } = await page(sandbox, { starting_from: '2026-01-01T10:00:00Z', limit: 5 });
    expect(next).toBe('2026-01-01T09:00:00Z');
  },
  'short-pages': async (trap) => {
    const sandbox = await sprung(trap);
    const pages = await walk(sandbox, { limit: 90 });
    expect(pages[0]?.ids.length).toBeLessThan(50);
    expect(allIds(pages)).toEqual(idsOf(sandbox));
  },
  'empty-pages': async () => {
    const sandbox = await sprung('empty-pages', ['empty-pages=1/2']);
    const pages = await walk(sandbox, { limit: 50 });
    expect(pages.filter(({ ids }) => ids.length === 0).length).toBeGreaterThan(3);
    expect(allIds(pages)).toEqual(idsOf(sandbox));
  },
  'limit-refused': async (trap) => {
    const sandbox = await sprung(trap);
    expect((await call(sandbox, 'auditlogevents?limit=201')).status).toBe(400);
    expect((await call(sandbox, 'auditlogevents?limit=200')).status).toBe(200);
  },
};

const entries: Partial<Record<TrapName, Probe>> = {
  'big-ties': async (trap) => {
    const pages = await walk(await sprung(trap, [], 4_000), { limit: 100 });
    expect(pages.some(({ ids }) => ids.length >= 1_200)).toBe(true);
  },
  nanoseconds: entryField('created_at', (times) => times.every((time) => /\.\d{9}Z$/.test(String(time)))),
  'offset-timestamps': entryField(
    'created_at',
    (times) =>
      times.some((time) => String(time).endsWith('+02:00')) &&
      times.every((time) => parseTimestamp(String(time)) !== undefined),
  ),
  'non-uuid-ids': entryField('id', (ids) => ids.some((id) => String(id).startsWith('evt-'))),
  'no-id': entryField('id', (ids) => ids.includes(undefined) && new Set(ids).size > 300),
  'no-created-at': entryField('created_at', (times) => times.includes(undefined)),
  'payload-object': entryField('payload', (all) => all.filter((one) => typeof one === 'string').length < 10),
  'payload-string': entryField('payload', (all) =>
    all.every((one) => one === null || typeof one === 'string'),
  ),
  'payload-drift': async (trap) => {
    const sandbox = await sprung(trap);
    const [one, two] = [await page(sandbox), await page(sandbox)];
    const [text, object] = [one.entries[1]?.['payload'], two.entries[1]?.['payload']];
    expect(JSON.parse(String(text))).toEqual(object);
  },
  'late-entries': late(1 / 6),
  'very-late-entries': late(40),
  'repeated-ids': async (trap) => {
    const sandbox = await sprung(trap);
    const ids = allIds(await walk(sandbox, { limit: 100 }));
    expect(ids.length).toBeGreaterThan(400);
    expect(new Set(ids).size).toBe(400);
  },
  'changed-entries': async (trap) => {
    const sandbox = await sprung(trap);
    const [one, two] = [await page(sandbox), await page(sandbox)];
    expect(two.ids).toEqual(one.ids);
    expect(two.entries.filter((entry) => entry['revised'] === true).length).toBeGreaterThan(1);
    expect(one.text).not.toContain('revised');
  },
};

const versions: Partial<Record<TrapName, Probe>> = {
  'invalid-version-echo': async (trap) => {
    expect((await call(await sprung(trap), 'organization')).headers.get('cc-version')).toBe('2022-03-31');
  },
  'version-refused': answers({ status: 400, json: { message: 'invalid Cc-Version.' } }),
  'version-old-404': async (trap) => {
    const sandbox = await sprung(trap);
    expect((await call(sandbox, 'auditlogevents', { version: '2023-04-10' })).status).toBe(404);
    expect((await call(sandbox, 'auditlogevents')).status).toBe(200);
  },
  'old-versions-serve': async (trap) => {
    expect((await call(await sprung(trap), 'auditlogevents', { version: '2022-03-31' })).status).toBe(200);
  },
  'unversioned-is-oldest': async (trap) => {
    const { headers } = await call(await sprung(trap), 'clusters', { version: undefined });
    expect(headers.get('cc-version')).toBe('2022-03-31');
  },
};

const refusals: Partial<Record<TrapName, Probe>> = {
  unauthorized: answers({ status: 401, json: { code: 16 } }),
  forbidden: answers({ status: 403, json: { code: 7 } }),
  'feature-off': answers({ status: 404, json: { code: 5 } }),
  'organization-404': answers({ status: 404, json: { code: 5 } }, 'organization'),
  redirect: async (trap) => {
    const { status, headers } = await call(await sprung(trap), 'organization');
    expect([status, headers.get('location')]).toEqual([307, 'http://redirected.invalid/login']);
  },
  'server-error': answers({ status: 500, json: { code: 13 } }),
  unavailable: answers({ status: 503, json: { code: 14 } }),
  'status-partial': answers({ status: 500, json: { message: 'something broke' } }),
  'status-empty': answers({ status: 500, text: '{}' }),
  'html-502': answers({ status: 502, text: expect.stringContaining('<html>') }),
  'html-200': answers({ status: 200, text: expect.stringContaining('<html>') }),
  'rate-limit-429-seconds': rateLimited(429, /^1$/),
  'rate-limit-429-date': rateLimited(429, /^Mon, 01 Jun 2026 00:00:02 GMT$/),
  'rate-limit-503': rateLimited(503, /^1$/),
  'rate-limit-400': rateLimited(400, /^1$/),
  'rate-limit-no-header': rateLimited(429, null),
  'rate-limit-absurd': rateLimited(429, /^31536000$/),
  'retry-after-zero': rateLimited(429, /^0$/),
};

const broken: Partial<Record<TrapName, Probe>> = {
  'cut-body': async (trap) => {
    const { text, headers } = await call(await sprung(trap), 'auditlogevents');
    expect(headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  },
  'short-body': breaks,
  'empty-body': answers({ status: 200, text: '' }),
  'not-utf8': async (trap) => {
    const bytes = Buffer.from(await (await raw(await sprung(trap), 'auditlogevents')).arrayBuffer());
    expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toThrow(TypeError);
  },
  reset: breaks,
  'reset-after-write': async (trap) => {
    const sandbox = await sprung(trap);
    expect((await call(sandbox, 'clusters')).status).toBe(200);
    await rejectionOf(newCluster(sandbox));
    const { json } = await call(sandbox, 'clusters');
    expect((json['clusters'] as Record<string, unknown>[]).some(({ name }) => name === 'quick-newt')).toBe(
      true,
    );
  },
  'hang-headers': async (trap) => {
    const sandbox = await sprung(trap);
    const leave = new AbortController();
    const hanging = rejectionOf(raw(sandbox, 'organization', leave.signal));
    await expect.poll(() => sandbox.requests, { timeout: 10_000 }).toMatchObject([{ status: 0 }]);
    leave.abort();
    expect((await hanging).name).toBe('AbortError');
  },
  'hang-body': async () => {
    const sandbox = await sprung('hang-body', ['hang-body=x1']);
    const response = await raw(sandbox, 'organization');
    const half = await firstPiece(response);
    expect(half.bytes).toBeGreaterThan(10);
    // A second request is answered whole while the first still waits for its other half.
    const whole = await call(sandbox, 'organization');
    expect(half.bytes).toBeLessThan(whole.text.length);
    await half.stop();
  },
  'drip-body': async (trap) => {
    const sandbox = await sprung(trap);
    const { bytes, stop } = await firstPiece(await raw(sandbox, 'organization'));
    expect(bytes).toBeLessThan(100);
    await stop();
    expect((await call(sandbox, 'organization')).json).toMatchObject({ id: sandbox.organization.id });
  },
  'giant-body': async (trap) => {
    const response = await raw(await sprung(trap), 'auditlogevents');
    const reader = (response.body ?? new ReadableStream<Uint8Array>()).getReader();
    let bytes = 0;
    while (bytes < 8_000_000) bytes += (await reader.read()).value?.length ?? 0;
    await reader.cancel();
    expect(response.headers.get('content-length')).toBeNull();
  },
  'pretty-printed': async (trap) => {
    const sandbox = await sprung(trap);
    const { text, json } = await call(sandbox, 'auditlogevents?limit=10');
    expect(text).toContain('\n    {\n      "id": ');
    expect(json['entries']).toEqual(
      sandbox
        .truth()
        .slice(0, (json['entries'] as unknown[]).length)
        .map((entry) => JSON.parse(entry.raw.toString()) as unknown),
    );
  },
  'clock-skew': date('Sun, 31 May 2026 23:50:00 GMT'),
  'clock-ahead': date('Mon, 01 Jun 2026 00:10:00 GMT'),
  'no-date': date(null),
};

const clusters: Partial<Record<TrapName, Probe>> = {
  'delete-empty': deletion(''),
  'delete-object': deletion('{}'),
  'regions-strings': answers(
    { json: { regions: expect.arrayContaining(['us-east1']) as unknown } },
    'clusters/available-regions',
  ),
  'spend-limit-gone': spendLimit(404, '2022-03-31'),
  'spend-limit-405': spendLimit(405, '2022-03-31'),
  'spend-limit-501': spendLimit(501, '2022-03-31'),
  'spend-limit-everywhere': spendLimit(200, '2024-09-16'),
  'pagination-null': answers({ json: { pagination: null } }, 'clusters'),
  'pagination-integers': answers(
    { json: { pagination: { next: 2, total_results: 10 } } },
    'clusters?pagination.limit=2',
  ),
  'creation-fails': async (trap) => {
    const sandbox = await sprung(trap);
    const id = await newCluster(sandbox);
    expect((await call(sandbox, `clusters/${id}`)).json).toMatchObject({ state: 'CREATION_FAILED' });
  },
  'inactive-hidden': async (trap) => {
    const { json } = await call(await sprung(trap), 'clusters?show_inactive=true');
    const states = (json['clusters'] as Record<string, unknown>[]).map(({ state }) => state);
    expect(states).not.toContain('DELETED');
  },
  'unknown-enums': firstCluster(
    (cluster) => cluster['plan'] === 'PLATINUM' && cluster['state'] === 'HIBERNATING',
  ),
  'fields-missing': firstCluster((cluster) => !('cockroach_version' in cluster) && !('labels' in cluster)),
};

const probes: Partial<Record<string, Probe>> = {
  ...positions,
  ...entries,
  ...versions,
  ...refusals,
  ...broken,
  ...clusters,
};

describe('every trap', () => {
  it.each(Object.keys(trapNames) as TrapName[])('%s does what its line says', async (trap) => {
    const probe = probes[trap];
    expect(probe, `no probe for the trap ${trap}`).toBeDefined();
    await probe?.(trap);
  });

  it('has a line of explanation and none has two names', () => {
    const lines = Object.values(trapNames);
    expect(lines.every((line) => line.length > 10)).toBe(true);
    expect(new Set(lines).size).toBe(lines.length);
  });
});
