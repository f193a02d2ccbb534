import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import type { OrganizationStatus, SinkStatus, Status } from '../../src/exporter/status.ts';
import type { NewEntry } from '../../src/ledger/prepared-entries.ts';
import { createMetrics, type Metrics } from '../../src/server/metrics.ts';
import { nanos } from '../../src/time.ts';
import { newEntry } from '../helpers/new-entry.ts';
import { readSamples, type Sample } from './samples.ts';

const sink: SinkStatus = {
  name: 'archive',
  type: 's3',
  isConfigured: true,
  state: 'Degraded',
  sentence: 'Failing for 3 min: it does not answer.',
  destination: 's3://acme-audit/x',
  offset: 5,
  lagEntries: 7,
  lagSeconds: 90,
  parked: 2,
  digest: { number: 5, at: '2026-01-01T00:01:00Z' },
  lastSuccessAt: '2026-01-01T00:00:10.000Z',
  failure: null,
  lease: null,
};
const organization: OrganizationStatus = {
  name: 'acme',
  id: null,
  label: null,
  isConfigured: true,
  state: 'Running',
  sentence: 'Caught up 1 s ago.',
  checkpoint: null,
  newestEntryAt: '2026-01-01T00:00:00.500000Z',
  head: 12,
  stretches: [],
  lastSuccessAt: null,
  failure: null,
  lease: null,
  sinks: [sink],
  retiredSinks: [],
};
const place = { organization: 'acme', sink: 'archive' };

let status: () => Promise<Status>;
let metrics: Metrics;

beforeEach(() => {
  status = () =>
    Promise.resolve({
      at: '2026-01-01T00:00:00Z',
      state: 'Degraded',
      ledgerId: 'x',
      organizations: [organization],
    });
  metrics = createMetrics({ version: '1.2.3', status: () => status() });
});

test('what an exporter did is counted, by organization and sink', async () => {
  const added = [entry(), entry(), entry()];
  metrics.entriesRead('acme', 10);
  metrics.appended('acme', { added, head: 3, known: 7, drifted: 2, changed: [entry()] });
  metrics.late('acme', { entries: 1, lateBySeconds: 600 });
  metrics.delivered(place, { entries: 4, offset: 4 });
  metrics.delivered(place, { entries: 2, offset: 6 });
  const samples = await scraped();
  const acme = { organization: 'acme' };
  expect(valueOf(samples, 'entries_read_total', acme)).toBe(10);
  expect(valueOf(samples, 'entries_new_total', acme)).toBe(3);
  expect(valueOf(samples, 'entries_late_total', acme)).toBe(1);
  expect(valueOf(samples, 'entries_changed_total', acme)).toBe(1);
  expect(valueOf(samples, 'entries_drifted_total', acme)).toBe(2);
  expect(valueOf(samples, 'last_late_by_seconds', acme)).toBe(600);
  expect(valueOf(samples, 'delivered_entries_total', place)).toBe(6);
});

test('requests are counted by status, those without an answer too', async () => {
  metrics.apiRequest({ status: 200, durationMs: 120 });
  metrics.apiRequest({ status: 200, durationMs: 80 });
  metrics.apiRequest({ status: 429, durationMs: 5 });
  metrics.apiRequest({ status: undefined, durationMs: 30_000 });
  const samples = await scraped();
  expect(valueOf(samples, 'api_requests_total', { status: '200' })).toBe(2);
  expect(valueOf(samples, 'api_requests_total', { status: '429' })).toBe(1);
  expect(valueOf(samples, 'api_requests_total', { status: 'none' })).toBe(1);
  expect(valueOf(samples, 'api_request_duration_seconds_count', {})).toBe(4);
});

test('positions and states come from the store', async () => {
  const samples = await scraped();
  expect(valueOf(samples, 'sink_lag_entries', place)).toBe(7);
  expect(valueOf(samples, 'sink_lag_seconds', place)).toBe(90);
  expect(valueOf(samples, 'parked_entries', place)).toBe(2);
  const newest = valueOf(samples, 'newest_entry_timestamp_seconds', { organization: 'acme' });
  expect(newest).toBe(1_767_225_600.5);
  expect(valueOf(samples, 'delivery_last_success_timestamp_seconds', place)).toBe(1_767_225_610);
  expect(valueOf(samples, 'digest_last_success_timestamp_seconds', place)).toBe(1_767_225_660);
  expect(valueOf(samples, 'store_up', {})).toBe(1);
});

test('of the states exactly one is set', async () => {
  expect(stateOf(await scraped(), 'archive')).toEqual({ Running: 0, Degraded: 1, Failed: 0 });
  expect(stateOf(await scraped(), '')).toEqual({ Running: 1, Degraded: 0, Failed: 0 });
});

test('what is not in the configuration gets no labels', async () => {
  const foreign = { ...organization, name: 'foreign', isConfigured: false };
  const sinks = [{ ...sink, name: 'gone', isConfigured: false }];
  const organizations = [{ ...organization, sinks }, foreign];
  status = () => Promise.resolve({ at: '', state: 'Running', ledgerId: 'x', organizations });
  const labels = (await scraped()).map((sample) => JSON.stringify(sample.labels)).join();
  expect(labels).toContain('acme');
  expect(labels).not.toContain('foreign');
  expect(labels).not.toContain('gone');
});

test('while the store does not answer the last values stay, and a failure of our own shows', async () => {
  await scraped();
  status = () => Promise.reject(new Error('The store did not answer.'));
  metrics.failure(place, { code: 'destination_lost', isStopped: true });
  metrics.failure({ organization: 'acme', sink: undefined }, { code: 'unreachable', isStopped: false });
  const samples = await scraped();
  expect(valueOf(samples, 'store_up', {})).toBe(0);
  expect(valueOf(samples, 'sink_lag_entries', place)).toBe(7);
  expect(stateOf(samples, 'archive')).toEqual({ Running: 0, Degraded: 0, Failed: 1 });
  expect(stateOf(samples, '')).toEqual({ Running: 0, Degraded: 1, Failed: 0 });
});

test('leases show by the work they are for', async () => {
  metrics.leaseHeld({ organization: 'acme', sink: undefined }, true);
  metrics.leaseHeld(place, true);
  metrics.leaseHeld(place, false);
  const samples = await scraped();
  expect(valueOf(samples, 'lease_held', { organization: 'acme', work: 'read' })).toBe(1);
  expect(valueOf(samples, 'lease_held', { organization: 'acme', work: 'deliver:archive' })).toBe(0);
});

test('a sweep leaves its time', async () => {
  const before = Date.now() / 1000;
  metrics.sweepSucceeded('acme');
  const at = valueOf(await scraped(), 'sweep_last_success_timestamp_seconds', { organization: 'acme' });
  expect(at).toBeGreaterThanOrEqual(before);
  expect(at).toBeLessThanOrEqual(Date.now() / 1000);
});

test('the build is told, and two sets of metrics have nothing in common', async () => {
  const other = createMetrics({ version: '9.9.9', status: () => status() });
  other.entriesRead('acme', 1);
  const samples = await scraped();
  expect(valueOf(samples, 'build_info', { version: '1.2.3', node: process.version })).toBe(1);
  expect(valueOf(samples, 'entries_read_total', { organization: 'acme' })).toBeUndefined();
});

test('the names are those of the contract, all of ours with the prefix', async () => {
  const text = await metrics.scrape();
  const declared = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  const ours = declared.filter((name) => !/^ccloud_audit_(process|nodejs)_/.test(name));
  expect(ours.toSorted()).toEqual([
    'ccloud_audit_api_request_duration_seconds histogram',
    'ccloud_audit_api_requests_total counter',
    'ccloud_audit_build_info gauge',
    'ccloud_audit_delivered_entries_total counter',
    'ccloud_audit_delivery_last_success_timestamp_seconds gauge',
    'ccloud_audit_digest_last_success_timestamp_seconds gauge',
    'ccloud_audit_entries_changed_total counter',
    'ccloud_audit_entries_drifted_total counter',
    'ccloud_audit_entries_late_total counter',
    'ccloud_audit_entries_new_total counter',
    'ccloud_audit_entries_read_total counter',
    'ccloud_audit_last_late_by_seconds gauge',
    'ccloud_audit_lease_held gauge',
    'ccloud_audit_newest_entry_timestamp_seconds gauge',
    'ccloud_audit_parked_entries gauge',
    'ccloud_audit_reconcile_findings gauge',
    'ccloud_audit_reconcile_last_success_timestamp_seconds gauge',
    'ccloud_audit_sink_lag_entries gauge',
    'ccloud_audit_sink_lag_seconds gauge',
    'ccloud_audit_state gauge',
    'ccloud_audit_store_up gauge',
    'ccloud_audit_sweep_last_success_timestamp_seconds gauge',
  ]);
});

async function scraped(): Promise<Sample[]> {
  return readSamples(await metrics.scrape());
}

function valueOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  return samples.find(
    (sample) =>
      sample.name === `ccloud_audit_${name}` && JSON.stringify(sample.labels) === JSON.stringify(labels),
  )?.value;
}

function stateOf(samples: readonly Sample[], sinkName: string): Record<string, number | undefined> {
  const labels = (state: string): Record<string, string> => ({ organization: 'acme', sink: sinkName, state });
  return Object.fromEntries(
    ['Running', 'Degraded', 'Failed'].map((state) => [state, valueOf(samples, 'state', labels(state))]),
  );
}

function entry(): NewEntry {
  return newEntry({ key: randomUUID(), raw: Buffer.from('{}'), createdAt: nanos(0n) });
}
