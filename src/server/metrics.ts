/**
 * What Prometheus gets. Every name begins with `ccloud_audit_`; names and labels are a contract and only grow. Counters
 * count what this process did; gauges about positions and states come from the store, so that every process shows the
 * same, and keep their last values while the store does not answer (`store_up` tells). Labels are names from the
 * configuration and nothing else, so their number is bounded by it.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestReport } from '../cloud-api/client-options.ts';
import type { DeliveryObserver } from '../delivery/delivery-observer.ts';
import type { WorkName, WorkObserver } from '../exporter/exporter.ts';
import type { OrganizationStatus, SinkStatus, Status } from '../exporter/status.ts';
import { workStates, type WorkState } from '../exporter/verdict.ts';
import type { ReaderObserver } from '../reader/reader-observer.ts';

export interface Metrics extends ReaderObserver, DeliveryObserver, WorkObserver {
  /** One attempt at the Cloud API. */
  apiRequest(report: RequestReport): void;
  readonly contentType: string;
  /** The exposition text, with gauges as fresh as the store allows. Never rejects because of the store. */
  scrape(): Promise<string>;
}

export interface MetricsOptions {
  readonly version: string;
  /** The status, from a cache and with a deadline: see `createRecent`. Rejects while the store does not answer. */
  readonly status: () => Promise<Status>;
}

const prefix = 'ccloud_audit_';

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix });
  const counters = createCounters(registry);
  const gauges = createGauges(registry);
  gauges.buildInfo.set({ version: options.version, node: process.version }, 1);

  const refresh = async (): Promise<void> => {
    try {
      showStatus(gauges, await options.status());
      gauges.storeUp.set(1);
    } catch {
      // Whoever works with the store logs its failures; a scrape shows the last values and this.
      gauges.storeUp.set(0);
    }
  };
  return {
    ...observers(counters, gauges),
    contentType: registry.contentType,
    async scrape() {
      await refresh();
      return await registry.metrics();
    },
  };
}

type Counters = ReturnType<typeof createCounters>;
type Gauges = ReturnType<typeof createGauges>;
type Observers = Omit<Metrics, 'contentType' | 'scrape'>;

function observers(counters: Counters, gauges: Gauges): Observers {
  return {
    entriesRead: (organization, entries) => counters.read.inc({ organization }, entries),
    appended(organization, { added, changed, drifted }) {
      counters.new.inc({ organization }, added.length);
      counters.changed.inc({ organization }, changed.length);
      counters.drifted.inc({ organization }, drifted);
      // A counter that first appears with its first late entry would show no increase.
      counters.late.inc({ organization }, 0);
    },
    late(organization, { entries, lateBySeconds }) {
      counters.late.inc({ organization }, entries);
      gauges.lastLateBy.set({ organization }, lateBySeconds);
    },
    // How far the past was read is in the status, which every process can tell.
    pastProgress: () => undefined,
    delivered({ organization, sink }, { entries }) {
      counters.delivered.inc({ organization, sink }, entries);
      gauges.deliverySuccess.set({ organization, sink }, Date.now() / 1000);
    },
    digestWritten: ({ organization, sink }) =>
      gauges.digestSuccess.set({ organization, sink }, Date.now() / 1000),
    // The count of parked entries comes from the store: it falls again when they are taken after all.
    parked: () => undefined,
    leaseHeld: (work, isHeld) =>
      gauges.leaseHeld.set({ organization: work.organization, work: workLabel(work) }, isHeld ? 1 : 0),
    failure: (work, failure) => showState(gauges, work, stateOf(failure)),
    sweepSucceeded: (organization) => gauges.sweepSuccess.set({ organization }, Date.now() / 1000),
    reconciled(organization, findings) {
      gauges.reconcileSuccess.set({ organization }, Date.now() / 1000);
      for (const [kind, count] of Object.entries(findings))
        gauges.reconcileFindings.set({ organization, kind }, count);
    },
    apiRequest({ status, durationMs }) {
      const label = status === undefined ? 'none' : String(status);
      counters.apiRequests.inc({ status: label });
      counters.apiDuration.observe(durationMs / 1000);
    },
  };
}

function createCounters(registry: Registry): {
  readonly read: Counter<'organization'>;
  readonly new: Counter<'organization'>;
  readonly late: Counter<'organization'>;
  readonly changed: Counter<'organization'>;
  readonly drifted: Counter<'organization'>;
  readonly delivered: Counter<'organization' | 'sink'>;
  readonly apiRequests: Counter<'status'>;
  readonly apiDuration: Histogram;
} {
  const counter = <L extends string>(name: string, help: string, labelNames: L[]): Counter<L> =>
    new Counter({ name: `${prefix}${name}`, help, labelNames, registers: [registry] });
  return {
    read: counter('entries_read_total', 'Entries that the API sent, known ones included.', ['organization']),
    new: counter('entries_new_total', 'Entries that were appended to the ledger.', ['organization']),
    late: counter('entries_late_total', 'New entries in time that had been read already.', ['organization']),
    changed: counter('entries_changed_total', 'Known entries that came with other content.', [
      'organization',
    ]),
    drifted: counter(
      'entries_drifted_total',
      'Known entries whose bytes differ and whose content does not.',
      ['organization'],
    ),
    delivered: counter('delivered_entries_total', 'Entries that a sink took.', ['organization', 'sink']),
    apiRequests: counter('api_requests_total', 'Attempts at the Cloud API by HTTP status; none: no answer.', [
      'status',
    ]),
    apiDuration: new Histogram({
      name: `${prefix}api_request_duration_seconds`,
      help: 'How long attempts at the Cloud API took, answered or not.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    }),
  };
}

function createGauges(registry: Registry): {
  readonly parked: Gauge<'organization' | 'sink'>;
  readonly lagEntries: Gauge<'organization' | 'sink'>;
  readonly lagSeconds: Gauge<'organization' | 'sink'>;
  readonly deliverySuccess: Gauge<'organization' | 'sink'>;
  readonly digestSuccess: Gauge<'organization' | 'sink'>;
  readonly sweepSuccess: Gauge<'organization'>;
  readonly reconcileSuccess: Gauge<'organization'>;
  readonly reconcileFindings: Gauge<'organization' | 'kind'>;
  readonly newestEntry: Gauge<'organization'>;
  readonly lastLateBy: Gauge<'organization'>;
  readonly leaseHeld: Gauge<'organization' | 'work'>;
  readonly state: Gauge<'organization' | 'sink' | 'state'>;
  readonly storeUp: Gauge;
  readonly buildInfo: Gauge<'version' | 'node'>;
} {
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[]): Gauge<L> =>
    new Gauge({ name: `${prefix}${name}`, help, labelNames, registers: [registry] });
  return {
    parked: gauge('parked_entries', 'Entries set aside because the sink can never take them.', sinkLabels()),
    lagEntries: gauge('sink_lag_entries', 'Entries in the ledger that the sink lacks.', sinkLabels()),
    lagSeconds: gauge('sink_lag_seconds', 'How long the oldest of them has waited.', sinkLabels()),
    deliverySuccess: gauge(
      'delivery_last_success_timestamp_seconds',
      'When the sink last took entries.',
      sinkLabels(),
    ),
    digestSuccess: gauge(
      'digest_last_success_timestamp_seconds',
      'When the archive last got a digest.',
      sinkLabels(),
    ),
    sweepSuccess: gauge(
      'sweep_last_success_timestamp_seconds',
      'When this process last finished a sweep of the tail.',
      ['organization'],
    ),
    reconcileSuccess: gauge(
      'reconcile_last_success_timestamp_seconds',
      'When this process last compared the organization with the API to the end.',
      ['organization'],
    ),
    reconcileFindings: gauge('reconcile_findings', 'What that comparison found, by kind; 0 where nothing.', [
      'organization',
      'kind',
    ]),
    newestEntry: gauge('newest_entry_timestamp_seconds', 'The latest created_at in the ledger.', [
      'organization',
    ]),
    lastLateBy: gauge('last_late_by_seconds', 'How late the latest of the last late entries was.', [
      'organization',
    ]),
    leaseHeld: gauge('lease_held', 'Whether this process does the work.', ['organization', 'work']),
    state: gauge('state', 'One of the states is 1; an empty sink is the reading of the organization.', [
      'organization',
      'sink',
      'state',
    ]),
    storeUp: gauge('store_up', 'Whether the store answered this scrape.', []),
    buildInfo: gauge('build_info', 'Always 1.', ['version', 'node']),
  };
}

function sinkLabels(): ('organization' | 'sink')[] {
  return ['organization', 'sink'];
}

function showStatus(gauges: Gauges, status: Status): void {
  for (const organization of status.organizations) {
    if (!organization.isConfigured) continue;
    showOrganization(gauges, organization);
    for (const sink of organization.sinks) {
      if (sink.isConfigured) showSink(gauges, organization.name, sink);
    }
  }
}

function showOrganization(gauges: Gauges, { name, state, newestEntryAt }: OrganizationStatus): void {
  showState(gauges, { organization: name, sink: undefined }, state);
  if (newestEntryAt !== null) gauges.newestEntry.set({ organization: name }, toSeconds(newestEntryAt));
}

function showSink(gauges: Gauges, organization: string, sink: SinkStatus): void {
  const labels = { organization, sink: sink.name };
  showState(gauges, labels, sink.state);
  gauges.lagEntries.set(labels, sink.lagEntries);
  gauges.lagSeconds.set(labels, sink.lagSeconds);
  gauges.parked.set(labels, sink.parked);
  if (sink.lastSuccessAt !== null) gauges.deliverySuccess.set(labels, toSeconds(sink.lastSuccessAt));
  if (sink.digest !== null) gauges.digestSuccess.set(labels, toSeconds(sink.digest.at));
}

function showState(gauges: Gauges, { organization, sink = '' }: WorkName, current: WorkState): void {
  for (const state of workStates) {
    gauges.state.set({ organization, sink, state }, state === current ? 1 : 0);
  }
}

function stateOf(failure: { readonly isStopped: boolean } | undefined): WorkState {
  if (failure === undefined) return 'Running';
  return failure.isStopped ? 'Failed' : 'Degraded';
}

function workLabel({ sink }: WorkName): string {
  return sink === undefined ? 'read' : `deliver:${sink}`;
}

function toSeconds(time: string): number {
  return Date.parse(time) / 1000;
}
