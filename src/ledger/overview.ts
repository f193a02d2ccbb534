/**
 * The ledger at a glance, for `status` and for metrics: a few bounded statements that may be run every few seconds. Ages
 * are by the database's clock, so every time comes with that clock, in milliseconds since 1970.
 */
import { nanos, type Nanos } from '../time.ts';
import { beginningOfTime, endOfTime } from './coverage.ts';
import type { Ledger } from './ledger.ts';
import { countParked } from './parked.ts';

export interface LedgerOverview {
  /** The database's clock, in milliseconds. */
  readonly nowMs: number;
  readonly organizations: readonly OrganizationOverview[];
}

export interface OrganizationOverview extends WorkOverview {
  readonly name: string;
  readonly cloudId: string | undefined;
  readonly label: string | undefined;
  /** The last sequence; 0 when the ledger is empty. */
  readonly head: number;
  readonly tailCheckpoint: string | undefined;
  readonly tailCoveredTo: Nanos | undefined;
  readonly newestCreatedAt: Nanos | undefined;
  /** The API's clock at the last page of the tail. */
  readonly serverDate: Nanos | undefined;
  readonly lastAppendedMs: number | undefined;
  readonly stretches: readonly StretchOverview[];
  /** When a daemon last said that it stopped, if that was within the last days. */
  readonly daemonStoppedMs: number | undefined;
  readonly deliveries: readonly DeliveryOverview[];
}

export interface StretchOverview {
  /** Undefined: the organization's beginning. */
  readonly from: Nanos | undefined;
  readonly to: Nanos;
  readonly checkpoint: string | undefined;
  /** `from`, or what is known of the beginning; undefined while nothing is. */
  readonly measuredFrom: Nanos | undefined;
}

export interface DeliveryOverview extends WorkOverview {
  readonly sink: string;
  readonly type: string;
  readonly fingerprint: string;
  readonly offset: number;
  /** The ledger's head at the moment the offset was read. */
  readonly head: number;
  /** When the oldest entry that the sink does not hold was appended; undefined when it holds all. */
  readonly waitingSinceMs: number | undefined;
  readonly parked: number;
  readonly retiredMs: number | undefined;
  /** The last digest that the archive holds; undefined where there is none. */
  readonly digest: { readonly number: number; readonly madeMs: number } | undefined;
}

/** What both kinds of rows tell about the work they protect. */
export interface WorkOverview {
  /** Since when the row is there. */
  readonly addedMs: number;
  readonly lastSuccessMs: number | undefined;
  readonly failure: FailureOverview | undefined;
  /** Who holds the lease; with an end in the past, who held it and did not give it back. */
  readonly lease: LeaseOverview | undefined;
}

export interface FailureOverview {
  readonly code: string;
  readonly sentence: string;
  readonly sinceMs: number;
  readonly isStopped: boolean;
}

export interface LeaseOverview {
  readonly holder: string;
  readonly untilMs: number;
}

interface WorkRow {
  readonly added_ms: string;
  readonly last_success_ms: string | null;
  readonly failing_since_ms: string | null;
  readonly failure_code: string | null;
  readonly failure: string | null;
  readonly is_stopped: boolean;
  readonly lease_holder: string | null;
  readonly lease_until_ms: string | null;
}

interface OrganizationRow extends WorkRow {
  readonly id: string;
  readonly name: string;
  readonly cloud_id: string | null;
  readonly label: string | null;
  readonly head: string;
  readonly tail_checkpoint: string | null;
  readonly tail_covered_to: string | null;
  readonly newest_created_at: string | null;
  readonly server_date: string | null;
  readonly last_appended_ms: string | null;
}

interface DeliveryRow extends WorkRow {
  readonly organization: string;
  readonly sink: string;
  readonly type: string;
  readonly fingerprint: string;
  readonly acknowledged: string;
  readonly head: string;
  readonly waiting_since_ms: string | null;
  readonly retired_ms: string | null;
  readonly digest_number: string | null;
  readonly digest_ms: string | null;
}

interface StretchRow {
  readonly organization: string;
  readonly from_time: string;
  readonly to_time: string;
  readonly checkpoint: string | null;
}

/** How far back a daemon's stop is looked for: the journal may be long. */
const stoppedWithin = '3 days';
/** The first entries of a ledger among which the oldest one of a past read from the beginning is. */
const firstEntries = 2000;
const rowsMax = 10_000;

const ms = (time: string): string => `CAST(floor(extract(epoch FROM ${time}) * 1000) AS int8)`;
const work = (row: string): string => `${ms(`${row}.last_success_at`)} AS last_success_ms,
    ${ms(`${row}.failing_since`)} AS failing_since_ms, ${row}.failure_code, ${row}.failure, ${row}.is_stopped,
    ${row}.lease_holder, ${ms(`${row}.lease_until`)} AS lease_until_ms`;

const selectNow = `SELECT ${ms('now()')} AS now_ms`;
const selectOrganizations = `SELECT o.id, o.name, o.cloud_id, o.label, o.next_sequence - 1 AS head, o.tail_checkpoint,
    o.tail_covered_to, o.newest_created_at, o.server_date, ${ms('o.first_seen_at')} AS added_ms, ${work('o')},
    (SELECT ${ms('s.appended_at')} FROM ledger.segments s WHERE s.organization = o.id
      ORDER BY s.first_sequence DESC LIMIT 1) AS last_appended_ms
  FROM ledger.organizations o ORDER BY o.name LIMIT ${rowsMax}`;
const lastDigest = `FROM ledger.digests g WHERE g.organization = d.organization AND g.sink = d.sink
      AND g.confirmed_at IS NOT NULL ORDER BY g.number DESC LIMIT 1`;
// Offset and head come from one statement, so that a lag never mixes two moments.
const selectDeliveries = `SELECT d.organization, d.sink, d.type, d.fingerprint, d.acknowledged,
    o.next_sequence - 1 AS head, ${ms('d.added_at')} AS added_ms, ${ms('d.retired_at')} AS retired_ms, ${work('d')},
    (SELECT CASE WHEN s.last_sequence > d.acknowledged THEN ${ms('s.appended_at')} END FROM ledger.segments s
      WHERE s.organization = d.organization AND s.first_sequence <= d.acknowledged + 1
      ORDER BY s.first_sequence DESC LIMIT 1) AS waiting_since_ms,
    (SELECT g.number ${lastDigest}) AS digest_number, (SELECT ${ms('g.planned_at')} ${lastDigest}) AS digest_ms
  FROM ledger.deliveries d JOIN ledger.organizations o ON o.id = d.organization
  ORDER BY d.organization, d.sink LIMIT ${rowsMax}`;
const selectStretches = `SELECT organization, from_time, to_time, checkpoint FROM ledger.stretches
  ORDER BY organization, from_time LIMIT ${rowsMax}`;
const selectOldest = `SELECT min(created_at) AS oldest FROM ledger.ledger_rows
  WHERE organization = $1 AND sequence <= ${firstEntries}`;
const selectStopped = `SELECT ${ms('max(at)')} AS stopped_ms FROM ledger.journal_entries
  WHERE what = 'stopped' AND at >= now() - CAST('${stoppedWithin}' AS interval)`;

/** Reads it all; nothing is locked, and nothing waits for whoever works. */
export async function readOverview(ledger: Ledger): Promise<LedgerOverview> {
  const { database } = ledger;
  const deliveries = await readDeliveries(ledger);
  const organizations = await database.query<OrganizationRow>(selectOrganizations);
  const stretches = await readStretches(ledger);
  const stopped = await database.query<{ stopped_ms: string | null }>(selectStopped);
  const now = await database.query<{ now_ms: string }>(selectNow);
  return {
    nowMs: Number(now.rows[0]?.now_ms),
    organizations: organizations.rows.map((row) => ({
      ...toWork(row),
      name: row.name,
      cloudId: row.cloud_id ?? undefined,
      label: row.label ?? undefined,
      head: Number(row.head),
      tailCheckpoint: row.tail_checkpoint ?? undefined,
      tailCoveredTo: optionalTime(row.tail_covered_to),
      newestCreatedAt: optionalTime(row.newest_created_at),
      serverDate: optionalTime(row.server_date),
      lastAppendedMs: optionalNumber(row.last_appended_ms),
      stretches: stretches.get(row.id) ?? [],
      daemonStoppedMs: optionalNumber(stopped.rows[0]?.stopped_ms ?? null),
      deliveries: deliveries.get(row.id) ?? [],
    })),
  };
}

async function readDeliveries(ledger: Ledger): Promise<Map<string, DeliveryOverview[]>> {
  const { rows } = await ledger.database.query<DeliveryRow>(selectDeliveries);
  const parked = new Map(
    (await countParked(ledger)).map((count) => [`${count.organization} ${count.sink}`, count.parked]),
  );
  return byOrganization(rows, (row) => ({
    ...toWork(row),
    sink: row.sink,
    type: row.type,
    fingerprint: row.fingerprint,
    offset: Number(row.acknowledged),
    head: Number(row.head),
    waitingSinceMs: optionalNumber(row.waiting_since_ms),
    parked: parked.get(`${row.organization} ${row.sink}`) ?? 0,
    retiredMs: optionalNumber(row.retired_ms),
    digest:
      row.digest_number === null
        ? undefined
        : { number: Number(row.digest_number), madeMs: Number(row.digest_ms) },
  }));
}

async function readStretches(ledger: Ledger): Promise<Map<string, StretchOverview[]>> {
  const { rows } = await ledger.database.query<StretchRow>(selectStretches);
  const oldest = new Map<string, Nanos | undefined>();
  for (const row of rows) {
    if (BigInt(row.from_time) > beginningOfTime || oldest.has(row.organization)) continue;
    const found = await ledger.database.query<{ oldest: string | null }>(selectOldest, [row.organization]);
    oldest.set(row.organization, optionalTime(found.rows[0]?.oldest ?? null));
  }
  return byOrganization(rows, (row) => {
    const from = nanos(BigInt(row.from_time));
    const isFromBeginning = from <= beginningOfTime;
    const to = nanos(BigInt(row.to_time));
    return {
      from: isFromBeginning ? undefined : from,
      to: to > endOfTime ? endOfTime : to,
      checkpoint: row.checkpoint ?? undefined,
      measuredFrom: isFromBeginning ? oldest.get(row.organization) : from,
    };
  });
}

function byOrganization<R extends { readonly organization: string }, T>(
  rows: readonly R[],
  read: (row: R) => T,
): Map<string, T[]> {
  const lists = new Map<string, T[]>();
  for (const row of rows) {
    const list = lists.get(row.organization);
    if (list === undefined) lists.set(row.organization, [read(row)]);
    else list.push(read(row));
  }
  return lists;
}

function toWork(row: WorkRow): WorkOverview {
  return {
    addedMs: Number(row.added_ms),
    lastSuccessMs: optionalNumber(row.last_success_ms),
    failure:
      row.failing_since_ms === null
        ? undefined
        : {
            code: row.failure_code ?? 'unknown',
            sentence: row.failure ?? '',
            sinceMs: Number(row.failing_since_ms),
            isStopped: row.is_stopped,
          },
    lease:
      row.lease_holder === null || row.lease_until_ms === null
        ? undefined
        : { holder: row.lease_holder, untilMs: Number(row.lease_until_ms) },
  };
}

function optionalNumber(text: string | null): number | undefined {
  return text === null ? undefined : Number(text);
}

function optionalTime(text: string | null): Nanos | undefined {
  return text === null ? undefined : nanos(BigInt(text));
}
