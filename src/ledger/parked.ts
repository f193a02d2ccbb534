/** Entries that a sink can never take: set aside with the reason, in the commit that moves the offset past them. */
import type { Queryable } from '../database/database.ts';
import type { DeliveryLease } from './deliveries.ts';
import { writeJournal } from './journal.ts';
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
const deleteParked = `DELETE FROM ledger.parked_entries WHERE organization = $1 AND sink = $2 AND sequence = $3`;

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

/** The sink took the entry after all. */
export async function unparkEntry(ledger: Ledger, parked: ParkedEntry): Promise<void> {
  const { organization, sink, sequence } = parked;
  await ledger.database.transaction(async (transaction) => {
    await transaction.query(deleteParked, [organization, sink, sequence]);
    await writeJournal(
      ledger,
      { what: 'entry_unparked', organization, sink, detail: { sequence } },
      transaction,
    );
  });
}

export async function listParked(
  ledger: Ledger,
  options: { readonly limit: number },
): Promise<ParkedEntry[]> {
  const { rows } = await ledger.database.query<{
    organization: string;
    sink: string;
    sequence: string;
    code: string;
    reason: string;
    parked_at: string;
  }>(selectParked, [options.limit]);
  return rows.map((row) => ({
    organization: Number(row.organization),
    sink: row.sink,
    sequence: Number(row.sequence),
    code: row.code,
    reason: row.reason,
    parkedAt: row.parked_at,
  }));
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
