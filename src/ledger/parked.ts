/** Entries that a sink can never take: set aside with the reason, in the commit that moves the offset past them. */
import type { Queryable } from '../database/database.ts';
import type { DeliveryLease } from './deliveries.ts';
import { writeJournal } from './journal.ts';
import { leaseLost } from './leases.ts';
import type { Ledger } from './ledger.ts';

export interface ParkedEntry {
  readonly organization: number;
  readonly sink: string;
  readonly sequence: number;
  readonly code: string;
  readonly reason: string;
  readonly parkedAt: string;
}

const insertParked = `INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason)
  VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization, sink, sequence) DO NOTHING`;
const selectParked = `SELECT organization, sink, sequence, code, reason, parked_at FROM ledger.parked_entries
  ORDER BY organization, sink, sequence LIMIT $1`;
const countParkedRows = `SELECT organization, sink, count(*) AS parked FROM ledger.parked_entries
  GROUP BY organization, sink`;
const takeRow = `UPDATE ledger.deliveries SET lease_until = now() + CAST($4 AS interval)
  WHERE organization = $1 AND sink = $2 AND lease_epoch = $3`;
const deleteParked = `DELETE FROM ledger.parked_entries WHERE organization = $1 AND sink = $2 AND sequence = $3`;
const selectParkedOf = `SELECT organization, sink, sequence, code, reason, parked_at FROM ledger.parked_entries
  WHERE organization = $1 AND sink = $2 AND sequence > $3 ORDER BY sequence LIMIT $4`;

/** To be run in the transaction that moves the offset past the entry. */
export async function parkEntry(
  ledger: Ledger,
  transaction: Queryable,
  parked: {
    readonly lease: DeliveryLease;
    readonly sequence: number;
    readonly code: string;
    readonly reason: string;
  },
): Promise<void> {
  const { organization, sink } = parked.lease.target;
  await transaction.query(insertParked, [organization, sink, parked.sequence, parked.code, parked.reason]);
  await writeJournal(
    ledger,
    { what: 'entry_parked', organization, sink, detail: { sequence: parked.sequence, code: parked.code } },
    transaction,
  );
}

/** The sink took the entry after all. Under the delivery's lease; resolves also where it was unparked before. */
export async function unparkEntry(ledger: Ledger, lease: DeliveryLease, sequence: number): Promise<void> {
  const { organization, sink } = lease.target;
  await ledger.database.transaction(async (transaction) => {
    const { rowCount: held } = await transaction.query(takeRow, [
      organization,
      sink,
      lease.epoch,
      `${ledger.leaseMs} milliseconds`,
    ]);
    if (held === 0) throw leaseLost(lease.target);
    const { rowCount } = await transaction.query(deleteParked, [organization, sink, sequence]);
    if (rowCount === 0) return;
    await writeJournal(
      ledger,
      { what: 'entry_unparked', organization, sink, detail: { sequence } },
      transaction,
    );
  });
}

/** The parked entries of one delivery after a sequence, in their order. */
export async function readParked(
  ledger: Ledger,
  place: { readonly organization: number; readonly sink: string; readonly after: number },
  options: { readonly limit: number },
): Promise<ParkedEntry[]> {
  const { organization, sink, after } = place;
  const { rows } = await ledger.database.query<ParkedRow>(selectParkedOf, [
    organization,
    sink,
    after,
    options.limit,
  ]);
  return rows.map(toParkedEntry);
}

export async function listParked(
  ledger: Ledger,
  options: { readonly limit: number },
): Promise<ParkedEntry[]> {
  const { rows } = await ledger.database.query<ParkedRow>(selectParked, [options.limit]);
  return rows.map(toParkedEntry);
}

export interface ParkedCount {
  readonly organization: number;
  readonly sink: string;
  readonly parked: number;
}

export async function countParked(ledger: Ledger): Promise<ParkedCount[]> {
  const { rows } = await ledger.database.query<{ organization: string; sink: string; parked: string }>(
    countParkedRows,
  );
  return rows.map((row) => ({
    organization: Number(row.organization),
    sink: row.sink,
    parked: Number(row.parked),
  }));
}

interface ParkedRow {
  readonly organization: string;
  readonly sink: string;
  readonly sequence: string;
  readonly code: string;
  readonly reason: string;
  readonly parked_at: string;
}

function toParkedEntry(row: ParkedRow): ParkedEntry {
  return {
    organization: Number(row.organization),
    sink: row.sink,
    sequence: Number(row.sequence),
    code: row.code,
    reason: row.reason,
    parkedAt: row.parked_at,
  };
}

/** The sequences in a range that a sink refused. */
export async function parkedSequences(
  ledger: Ledger,
  place: {
    readonly organization: number;
    readonly sink: string;
    readonly first: number;
    readonly last: number;
  },
): Promise<Set<number>> {
  const { rows } = await ledger.database.query<{ sequence: string }>(selectParkedRange, [
    place.organization,
    place.sink,
    place.first,
    place.last,
  ]);
  return new Set(rows.map((row) => Number(row.sequence)));
}

const selectParkedRange = `SELECT sequence FROM ledger.parked_entries
  WHERE organization = $1 AND sink = $2 AND sequence >= $3 AND sequence <= $4`;
