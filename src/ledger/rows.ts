/** Single rows of the ledger, for those who look for one entry. */
import { nanos, type Nanos } from '../time.ts';
import type { Ledger } from './ledger.ts';

export interface LedgerRow {
  readonly key: string;
  readonly sequence: number;
  readonly createdAt: Nanos;
  readonly lineSha256: Buffer;
  readonly contentSha256: Buffer;
}

interface RowColumns {
  readonly entry: string;
  readonly sequence: string;
  readonly created_at: string;
  readonly line_sha256: Buffer;
  readonly content_sha256: Buffer;
}

const selectBySequence = `SELECT r.entry, r.sequence, r.created_at, r.line_sha256, r.content_sha256,
    d.first_sequence IS NOT NULL AND r.sequence >= d.first_sequence AND r.sequence <= d.acknowledged
      AND (d.from_time IS NULL OR r.created_at >= d.from_time) AND p.sequence IS NULL AS is_delivered
  FROM ledger.ledger_rows r
  LEFT JOIN ledger.deliveries d ON d.organization = r.organization AND d.sink = $3
  LEFT JOIN ledger.parked_entries p ON p.organization = r.organization AND p.sink = $3 AND p.sequence = r.sequence
  WHERE r.organization = $1 AND r.sequence = $2`;
const selectByKey = `SELECT entry, sequence, created_at, line_sha256, content_sha256 FROM ledger.ledger_rows
  WHERE organization = $1 AND entry = CAST($2 AS uuid)`;

/** The row at a sequence, and whether a sink was given it and did not refuse it. */
export async function findRow(
  ledger: Ledger,
  place: { readonly organization: number; readonly sink: string; readonly sequence: number },
): Promise<(LedgerRow & { readonly isDelivered: boolean }) | undefined> {
  const { rows } = await ledger.database.query<RowColumns & { is_delivered: boolean }>(selectBySequence, [
    place.organization,
    place.sequence,
    place.sink,
  ]);
  const row = rows[0];
  return row === undefined ? undefined : { ...toRow(row), isDelivered: row.is_delivered };
}

/** The row of an entry's key. */
export async function findRowByKey(
  ledger: Ledger,
  organization: number,
  key: string,
): Promise<LedgerRow | undefined> {
  const { rows } = await ledger.database.query<RowColumns>(selectByKey, [organization, key]);
  return rows[0] === undefined ? undefined : toRow(rows[0]);
}

function toRow(row: RowColumns): LedgerRow {
  return {
    key: row.entry,
    sequence: Number(row.sequence),
    createdAt: nanos(BigInt(row.created_at)),
    lineSha256: row.line_sha256,
    contentSha256: row.content_sha256,
  };
}
