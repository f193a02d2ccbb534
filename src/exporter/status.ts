/**
 * The status of everything, read from the ledger alone: any process can tell how all of them do. The verdicts are in
 * `judge-reading.ts` and `judge-delivery.ts`; this file puts them together.
 */
import type { Config } from '../../config/config.ts';
import type { Ledger } from '../ledger/ledger.ts';
import {
  readOverview,
  type DeliveryOverview,
  type LedgerOverview,
  type OrganizationOverview,
  type WorkOverview,
} from '../ledger/overview.ts';
import { redactSecrets } from '../redact.ts';
import { formatTimestamp, nanosFromMs, type Nanos } from '../time.ts';
import { judgeDelivery, lagMsOf, lagOf, notKept, notStarted } from './judge-delivery.ts';
import { judgeReading } from './judge-reading.ts';
import { worst, type Verdict, type WorkState } from './verdict.ts';

/**
 * What `status -o json` and `/status` print. The shape only grows: keys are never renamed or removed. Times are RFC 3339
 * strings, sequences and counts are numbers, what is not known is null.
 */
export interface Status {
  /** The database's clock when this was read. */
  readonly at: string;
  /** The worst of all; `Degraded` when the store knows no organization. */
  readonly state: WorkState;
  /** The random id of the ledger. */
  readonly ledgerId: string;
  readonly organizations: readonly OrganizationStatus[];
}

export interface OrganizationStatus {
  readonly name: string;
  /** The vendor's id; null where the API does not tell, or before first contact. */
  readonly id: string | null;
  /** The vendor's name for it. */
  readonly label: string | null;
  /** Whether this configuration has it. */
  readonly isConfigured: boolean;
  /** Of reading it; the sinks have their own. */
  readonly state: WorkState;
  readonly sentence: string;
  /** The tail's position, as the API gave it. */
  readonly checkpoint: string | null;
  /** The latest `created_at` in the ledger. */
  readonly newestEntryAt: string | null;
  /** The last sequence of the ledger; 0 when it is empty. */
  readonly head: number;
  /** What is still to be read of the past, oldest first. */
  readonly stretches: readonly StretchStatus[];
  readonly lastSuccessAt: string | null;
  readonly failure: FailureStatus | null;
  readonly lease: LeaseStatus | null;
  readonly sinks: readonly SinkStatus[];
  /** Sinks that get nothing any more, by the operator's word. */
  readonly retiredSinks: readonly RetiredSinkStatus[];
}

export interface StretchStatus {
  /** Null: the organization's beginning. */
  readonly from: string | null;
  readonly to: string;
  readonly checkpoint: string | null;
}

export interface FailureStatus {
  /** In snake_case, stable. */
  readonly code: string;
  readonly sentence: string;
  readonly since: string;
  /** Whether only an operator can help. */
  readonly isStopped: boolean;
}

export interface LeaseStatus {
  readonly holder: string;
  /** In the past: the holder went silent. */
  readonly until: string;
}

export interface SinkStatus {
  readonly name: string;
  readonly type: string;
  readonly isConfigured: boolean;
  readonly state: WorkState;
  readonly sentence: string;
  /** Where it writes; null before its first start. */
  readonly destination: string | null;
  /** The last sequence it holds durably; null before its first start. */
  readonly offset: number | null;
  readonly lagEntries: number;
  /** How long the oldest entry that it lacks has been in the ledger; 0 when it lacks none. */
  readonly lagSeconds: number;
  readonly parked: number;
  /** The last digest that the archive holds; null for other sinks, and before the first. */
  readonly digest: { readonly number: number; readonly at: string } | null;
  readonly lastSuccessAt: string | null;
  readonly failure: FailureStatus | null;
  readonly lease: LeaseStatus | null;
}

export interface RetiredSinkStatus {
  readonly name: string;
  readonly offset: number;
  readonly retiredAt: string;
}

/** As much of a configured sink as is needed here. */
export interface ConfiguredSink {
  readonly name: string;
  readonly type: string;
  /** Undefined: all. */
  readonly organizations: readonly string[] | undefined;
  /** Undefined for sinks that do not collect entries into objects. */
  readonly rollAgeMs: number | undefined;
}

export interface StatusOptions {
  /** Names; undefined: whatever the store knows counts as configured. */
  readonly organizations?: readonly string[] | undefined;
  /** Undefined: likewise. */
  readonly sinks?: readonly ConfiguredSink[] | undefined;
  /** In place of the database's clock, in milliseconds. */
  readonly nowMs?: number | undefined;
}

/** What `readStatus` needs to know of a configuration. Without organizations (only a key is known) all count. */
export function statusOptionsOf(config: Pick<Config, 'organizations' | 'sinks'>): StatusOptions {
  const names = config.organizations.map(({ name }) => name);
  return {
    organizations: names.length === 0 ? undefined : names,
    sinks: config.sinks.map((sink) => ({
      name: sink.name,
      type: sink.type,
      organizations: sink.organizations,
      rollAgeMs: 'roll' in sink ? sink.roll.ageMs : undefined,
    })),
  };
}

/** Reads and judges; rejects with a DatabaseError when the store does not answer. */
export async function readStatus(ledger: Ledger, options: StatusOptions = {}): Promise<Status> {
  const overview = await readOverview(ledger);
  return toStatus(overview, { ...options, ledgerId: ledger.ledgerId });
}

function toStatus(overview: LedgerOverview, options: StatusOptions & { readonly ledgerId: string }): Status {
  const nowMs = options.nowMs ?? overview.nowMs;
  const known = overview.organizations.map((organization) =>
    organizationStatus(organization, options, nowMs),
  );
  const names = new Set(known.map(({ name }) => name));
  const missing = (options.organizations ?? []).filter((name) => !names.has(name));
  const organizations = [...known, ...missing.map((name) => unknownOrganization(name, options))].toSorted(
    (a, b) => (a.name < b.name ? -1 : 1),
  );
  const states = organizations.flatMap(({ state, sinks }) => [state, ...sinks.map((sink) => sink.state)]);
  return {
    at: timeOf(nowMs),
    state: states.length === 0 ? 'Degraded' : worst(states),
    ledgerId: options.ledgerId,
    organizations,
  };
}

function organizationStatus(
  organization: OrganizationOverview,
  options: StatusOptions,
  nowMs: number,
): OrganizationStatus {
  const { name, deliveries } = organization;
  const isConfigured = options.organizations?.includes(name) ?? true;
  const retired = deliveries.filter(({ retiredMs }) => retiredMs !== undefined);
  const sinks = deliveries
    .filter(({ retiredMs }) => retiredMs === undefined)
    .map((delivery) => sinkStatus(delivery, { organization: { name, isConfigured }, options, nowMs }));
  const missing = isConfigured
    ? sinksOf(name, options).filter((sink) => !deliveries.some((delivery) => delivery.sink === sink.name))
    : [];
  return {
    name,
    id: organization.cloudId ?? null,
    label: organization.label ?? null,
    isConfigured,
    ...judgeReading(organization, { nowMs, isConfigured }),
    checkpoint: organization.tailCheckpoint ?? null,
    newestEntryAt: optionalTime(organization.newestCreatedAt),
    head: organization.head,
    stretches: organization.stretches.map(({ from, to, checkpoint }) => ({
      from: optionalTime(from),
      to: formatTimestamp(to),
      checkpoint: checkpoint ?? null,
    })),
    ...workStatus(organization),
    sinks: [...sinks, ...missing.map((sink) => unknownSink(sink, organization.head))],
    retiredSinks: retired.map(({ sink, offset, retiredMs }) => ({
      name: sink,
      offset,
      retiredAt: timeOf(retiredMs ?? nowMs),
    })),
  };
}

function sinkStatus(
  delivery: DeliveryOverview,
  context: {
    readonly organization: { readonly name: string; readonly isConfigured: boolean };
    readonly options: StatusOptions;
    readonly nowMs: number;
  },
): SinkStatus {
  const { organization, options, nowMs } = context;
  const configured = sinksOf(organization.name, options).find(({ name }) => name === delivery.sink);
  const isConfigured = organization.isConfigured && (options.sinks === undefined || configured !== undefined);
  const verdict: Verdict = judgeDelivery(delivery, {
    nowMs,
    isConfigured,
    isOrganizationConfigured: organization.isConfigured,
    rollAgeMs: configured?.rollAgeMs,
  });
  return {
    name: delivery.sink,
    type: delivery.type,
    isConfigured,
    ...verdict,
    destination: redactSecrets(delivery.fingerprint),
    offset: delivery.offset,
    lagEntries: lagOf(delivery),
    lagSeconds: Math.floor(lagMsOf(delivery, nowMs) / 1000),
    parked: delivery.parked,
    digest:
      delivery.digest === undefined
        ? null
        : { number: delivery.digest.number, at: timeOf(delivery.digest.madeMs) },
    ...workStatus(delivery),
  };
}

function unknownOrganization(name: string, options: StatusOptions): OrganizationStatus {
  return {
    name,
    id: null,
    label: null,
    isConfigured: true,
    ...notStarted,
    checkpoint: null,
    newestEntryAt: null,
    head: 0,
    stretches: [],
    lastSuccessAt: null,
    failure: null,
    lease: null,
    sinks: sinksOf(name, options).map((sink) => unknownSink(sink, 0)),
    retiredSinks: [],
  };
}

function unknownSink(sink: ConfiguredSink, head: number): SinkStatus {
  return {
    name: sink.name,
    type: sink.type,
    isConfigured: true,
    ...(sink.type === 'stdout' ? notKept : notStarted),
    destination: null,
    offset: null,
    lagEntries: head,
    lagSeconds: 0,
    parked: 0,
    digest: null,
    lastSuccessAt: null,
    failure: null,
    lease: null,
  };
}

function sinksOf(organization: string, { sinks = [] }: StatusOptions): readonly ConfiguredSink[] {
  return sinks.filter(({ organizations }) => organizations?.includes(organization) ?? true);
}

function workStatus(work: WorkOverview): Pick<OrganizationStatus, 'lastSuccessAt' | 'failure' | 'lease'> {
  const { failure, lastSuccessMs, lease } = work;
  return {
    lastSuccessAt: lastSuccessMs === undefined ? null : timeOf(lastSuccessMs),
    failure:
      failure === undefined
        ? null
        : {
            code: failure.code,
            sentence: redactSecrets(failure.sentence),
            since: timeOf(failure.sinceMs),
            isStopped: failure.isStopped,
          },
    lease: lease === undefined ? null : { holder: lease.holder, until: timeOf(lease.untilMs) },
  };
}

function timeOf(ms: number): string {
  return formatTimestamp(nanosFromMs(ms));
}

function optionalTime(time: Nanos | undefined): string | null {
  return time === undefined ? null : formatTimestamp(time);
}
