import { once } from 'node:events';
import { request } from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { ExporterError } from '../../src/errors.ts';
import { readStatus, type Status } from '../../src/exporter/status.ts';
import { silentLogger, type Logger } from '../../src/logger.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { createReadiness } from '../../src/server/readiness.ts';
import { startServer, type RunningServer, type ServerOptions } from '../../src/server/server.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import {
  addDelivery,
  addOrganization,
  createStatusFixture,
  fail,
  type StatusFixture,
} from '../exporter/status-fixture.ts';
import { readSamples } from './samples.ts';

const key = 'CCDB1_abcdefghijkl_0123456789abcdef0123456789abcdef';
let fixture: StatusFixture;

beforeAll(async () => {
  fixture = await createStatusFixture();
  const { id } = await addOrganization(fixture.ledger, { name: 'acme', entries: 10 });
  await addDelivery(fixture.ledger, { organization: id, sink: 'warehouse', offset: 10 });
  const lease = await addDelivery(fixture.ledger, { organization: id, sink: 'archive', offset: 4 });
  const sentence = `It was refused: Authorization: Bearer ${key} at postgres://user:hunter2hunter2@host/db`;
  await fail(fixture.ledger, lease, { code: 'refused', sentence, isStopped: true });
});
afterAll(() => fixture.dispose());

test('a scrape can be read, and shows what the ledger says', async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const samples = readSamples(await response.text());
  const lag = samples.find(
    ({ name, labels }) => name === 'ccloud_audit_sink_lag_entries' && labels['sink'] === 'archive',
  );
  expect(lag).toEqual({
    name: 'ccloud_audit_sink_lag_entries',
    labels: { organization: 'acme', sink: 'archive' },
    value: 6,
  });
  expect(samples).toContainEqual({
    name: 'ccloud_audit_state',
    labels: { organization: 'acme', sink: 'archive', state: 'Failed' },
    value: 1,
  });
});

test('the status is the one that the ledger gives', async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/status`);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const status = (await response.json()) as Status;
  expect(status.state).toBe('Failed');
  expect(status.organizations[0]?.sinks.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'archive Failed',
    'warehouse Running',
  ]);
});

test('a failed sink leaves the process healthy and ready', async () => {
  const { url } = await serve();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({ ready: true, reasons: [] });
});

test('before the store is open it is healthy, and not ready with the reason', async () => {
  const { url } = await serve({ readiness: createReadiness(() => undefined) });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ ready: false, reasons: ['The store is not open yet.'] });
});

test('a store that went away makes it not ready, and keeps the last gauges', async () => {
  const lost = await createStatusFixture();
  const { url } = await serve({
    metrics: createMetrics({ version: '1.2.3', status: () => readStatus(lost.ledger) }),
    readiness: createReadiness(() => lost.ledger),
    status: () => readStatus(lost.ledger),
  });
  await addOrganization(lost.ledger, { name: 'acme', entries: 2 });
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('ccloud_audit_store_up 1');
  await lost.dispose();
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(503);
  expect(((await ready.json()) as { reasons: string[] }).reasons).toHaveLength(1);
  const scrape = await (await fetch(`${url}/metrics`)).text();
  expect(scrape).toContain('ccloud_audit_store_up 0');
  expect(scrape).toContain('ccloud_audit_state{organization="acme",sink="",state="Running"} 1');
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('neither entries nor secrets are in anything it says', async () => {
  const { url } = await serve();
  const pages = ['/metrics', '/status', '/readyz', '/healthz', '/nothing'];
  const texts = await Promise.all(pages.map(async (page) => (await fetch(url + page)).text()));
  const all = texts.join('\n');
  expect(all).toContain('It was refused');
  for (const secret of ['0123456789abcdef', 'hunter2', 'SECRET_OF_AN_ENTRY']) {
    expect(all).not.toContain(secret);
  }
});

test('what can be told of a missing status is told with 503', async () => {
  const error = new ExporterError(`The store at postgres://me:topsecret@db is gone.`, {
    kind: 'store',
    code: 'unreachable',
  });
  const { url } = await serve({ status: () => Promise.reject(error) });
  const response = await fetch(`${url}/status`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    error: { code: 'unreachable', message: 'The store at postgres://me:[hidden]@db is gone.' },
  });
});

test('a defect goes to the log and not to whoever asks', async () => {
  const logged: object[] = [];
  const logger: Logger = { ...silentLogger, error: (fields) => void logged.push(fields) };
  const { url } = await serve({ logger, status: () => Promise.reject(new TypeError('internals')) });
  const response = await fetch(`${url}/status`);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('internals');
  expect(logged).toEqual([{ path: '/status', error: { message: 'internals' } }]);
});

test('other pages are not there, and nothing can be sent', async () => {
  const { url } = await serve();
  const missing = await fetch(`${url}/`);
  expect(missing.status).toBe(404);
  expect(await missing.text()).toContain('/metrics, /healthz, /readyz, /status');
  const sent = await fetch(`${url}/status`, { method: 'POST', body: 'x'.repeat(100_000) });
  expect(sent.status).toBe(405);
  expect(sent.headers.get('allow')).toBe('GET, HEAD');
  expect((await fetch(`${url}/status?verbose=1`)).status).toBe(200);
});

test('HEAD answers with headers only', async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/healthz`, { method: 'HEAD' });
  expect(response.status).toBe(200);
  expect(Number(response.headers.get('content-length'))).toBeGreaterThan(0);
  expect(await response.text()).toBe('');
});

test('a connection serves several requests', async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/healthz`);
  expect(response.headers.get('connection')).toBe('keep-alive');
});

test('oversize headers are refused', async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/healthz`, { headers: { 'x-large': 'x'.repeat(9000) } });
  expect(response.status).toBe(431);
});

test('a port in use is a sentence that names the setting', async () => {
  const { running } = await serve();
  const error = await rejectionOf(startServer(options({ port: running.port })));
  expect(error).toMatchObject({ kind: 'usage', code: 'server_address' });
  expect(error.message).toBe(
    `The server can't listen on 127.0.0.1, port ${running.port} (server.port): another program uses it. ` +
      'Set server.port to a free one, or server to off.',
  );
});

test('an address of another machine is a sentence too', async () => {
  const error = await rejectionOf(startServer(options({ host: '192.0.2.1' })));
  expect(error.message).toContain('Set server.host to one that it has');
});

test('closing answers what was asked, and ends connections that ask nothing', async () => {
  let finish: ((status: Status) => void) | undefined;
  const status = (): Promise<Status> =>
    new Promise((resolve) => {
      finish = resolve;
    });
  const { running, url } = await serve({ status });
  const answer = fetch(`${url}/status`);
  await vi.waitFor(() => expect(finish).toBeDefined());
  const silent = net.connect(running.port, '127.0.0.1');
  await once(silent, 'connect');
  const ended = once(silent, 'close');
  const closing = running.close();
  finish?.(await readStatus(fixture.ledger));
  expect((await answer).status).toBe(200);
  await closing;
  await ended;
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
});

test('closing does not wait for an answer that never comes', async () => {
  const { running, url } = await serve({ status: () => new Promise<Status>(() => undefined) });
  const sent = request(`${url}/status`);
  const cut = once(sent, 'error');
  sent.end();
  await once(sent, 'finish');
  await running.close();
  expect(await cut).toMatchObject([{ code: 'ECONNRESET' }]);
});

function statusOfLedger(): Promise<Status> {
  return readStatus(fixture.ledger);
}

function options(different: Partial<ServerOptions>): ServerOptions {
  return {
    host: '127.0.0.1',
    port: 0,
    metrics: createMetrics({ version: '1.2.3', status: statusOfLedger }),
    readiness: createReadiness(() => fixture.ledger),
    status: statusOfLedger,
    logger: silentLogger,
    ...different,
  };
}

async function serve(
  different: Partial<ServerOptions> = {},
): Promise<{ readonly running: RunningServer; readonly url: string }> {
  const running = await startServer(options(different));
  onTestFinished(() => running.close());
  return { running, url: `http://127.0.0.1:${running.port}` };
}
