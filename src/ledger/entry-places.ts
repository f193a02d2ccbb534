/** Everything that the ledger knows of one entry: its row, its text, what else was seen of it, and where each sink has it. */
import type { Nanos } from '../time.ts';
import { ExporterError } from '../errors.ts';
import type { Ledger } from './ledger.ts';
import { findRowByKey, type LedgerRow } from './rows.ts';
import { readSegmentFrom } from './segments.ts';

export interface EntryRecord extends LedgerRow {
  readonly createdAt: Nanos;
  /** The first sequence of the segment that holds its text. */
  readonly segment: number;
  /** When it was appended, as the database prints it; undefined where the segment was pruned. */
  readonly appendedAt: string | undefined;
  /** Undefined where it was pruned. */
  readonly raw: Buffer | undefined;
  /** Other contents that were seen under its id, oldest first. */
  readonly changes: readonly EntryChange[];
  readonly places: readonly EntryPlace[];
}

export interface EntryChange {
  readonly seenAt: string;
  readonly lineSha256: Buffer;
  readonly contentSha256: Buffer;
  readonly raw: string;
}

export const placeStates = ['delivered', 'waiting', 'parked', 'before start'] as const;
export type PlaceState = (typeof placeStates)[number];

export interface EntryPlace {
  readonly sink: string;
  readonly type: string;
  readonly destination: string;
  /** `before start`: the sink begins, or goes on after a skip, with a later entry. */
  readonly state: PlaceState;
  /** The archive's object that holds it. */
  readonly object: string | undefined;
  readonly reason: string | undefined;
  readonly isRetired: boolean;
}

const selectSegment = `SELECT r.segment, s.appended_at FROM ledger.ledger_rows r
  LEFT JOIN ledger.segments s ON s.organization = r.organization AND s.first_sequence = r.segment
  WHERE r.organization = $1 AND r.sequence = $2`;
const selectChanges = `SELECT seen_at, line_sha256, content_sha256, raw FROM ledger.changed_entries
  WHERE organization = $1 AND entry = CAST($2 AS uuid) ORDER BY seen_at`;
const selectPlaces = `SELECT d.sink, d.type, d.fingerprint, d.retired_at IS NOT NULL AS is_retired,
    $2 < d.first_sequence OR coalesce(r.created_at < d.from_time, false) AS is_before, $2 <= d.acknowledged AS is_passed, p.reason, o.key
  FROM ledger.deliveries d
  LEFT JOIN ledger.ledger_rows r ON r.organization = d.organization AND r.sequence = $2
  LEFT JOIN ledger.parked_entries p ON p.organization = d.organization AND p.sink = d.sink AND p.sequence = $2
  LEFT JOIN ledger.objects o ON o.organization = d.organization AND o.sink = d.sink
    AND o.first_sequence <= $2 AND o.last_sequence >= $2 AND o.confirmed_at IS NOT NULL
  WHERE d.organization = $1 ORDER BY d.sink`;

interface PlaceRow {
  readonly sink: string;
  readonly type: string;
  readonly fingerprint: string;
  readonly is_retired: boolean;
  readonly is_before: boolean;
  readonly is_passed: boolean;
  readonly reason: string | null;
  readonly key: string | null;
}

/** The entry of a key in an organization; undefined where the ledger does not have it. */
export async function findEntry(
  ledger: Ledger,
  organization: number,
  key: string,
): Promise<EntryRecord | undefined> {
  const row = await findRowByKey(ledger, organization, key);
  if (row === undefined) return undefined;
  const { rows } = await ledger.database.query<{ segment: string; appended_at: string | null }>(
    selectSegment,
    [organization, row.sequence],
  );
  return {
    ...row,
    segment: Number(rows[0]?.segment),
    appendedAt: rows[0]?.appended_at ?? undefined,
    raw: await textAt(ledger, organization, row.sequence),
    changes: await readChanges(ledger, organization, key),
    places: await readPlaces(ledger, organization, row.sequence),
  };
}

async function textAt(ledger: Ledger, organization: number, sequence: number): Promise<Buffer | undefined> {
  try {
    return (await readSegmentFrom(ledger, organization, sequence))?.entries[0]?.raw;
  } catch (error) {
    if (error instanceof ExporterError && error.code === 'segment_missing') return undefined;
    throw error;
  }
}

async function readChanges(ledger: Ledger, organization: number, key: string): Promise<EntryChange[]> {
  const { rows } = await ledger.database.query<{
    seen_at: string;
    line_sha256: Buffer;
    content_sha256: Buffer;
    raw: string;
  }>(selectChanges, [organization, key]);
  return rows.map((row) => ({
    seenAt: row.seen_at,
    lineSha256: row.line_sha256,
    contentSha256: row.content_sha256,
    raw: row.raw,
  }));
}

async function readPlaces(ledger: Ledger, organization: number, sequence: number): Promise<EntryPlace[]> {
  const { rows } = await ledger.database.query<PlaceRow>(selectPlaces, [organization, sequence]);
  return rows.map((row) => ({
    sink: row.sink,
    type: row.type,
    destination: row.fingerprint,
    state: stateOf(row),
    object: row.key ?? undefined,
    reason: row.reason ?? undefined,
    isRetired: row.is_retired,
  }));
}

function stateOf(row: PlaceRow): PlaceState {
  if (row.reason !== null) return 'parked';
  // A confirmed object holds the entry wherever the sink begins today.
  if (row.key !== null) return 'delivered';
  if (row.is_before) return 'before start';
  return row.is_passed ? 'delivered' : 'waiting';
}
