/**
 * What is still to be read of an organization's past. First contact fixes where the tail begins; everything before it
 * is read in stretches, which exist only where somebody demanded coverage.
 */
import { randomUUID } from 'node:crypto';
import { announceStep } from '../steps.ts';
import { minNanos, nanos, type Nanos } from '../time.ts';
import type { Queryable } from '../database/database.ts';
import { beginningOfTime, endOfTime, missing, union, type Interval } from './coverage.ts';
import { writeJournal } from './journal.ts';
import { leaseLost, type Lease } from './leases.ts';
import type { Ledger } from './ledger.ts';

export interface Stretch extends Interval {
  /** Verbatim; undefined before its first page. */
  readonly checkpoint: string | undefined;
}

/** What is to be covered, and how. */
export interface WantedCoverage extends Interval {
  /** Parts that are read at once, at most; undefined: one. */
  readonly parallel?: number;
}

export interface Demand extends WantedCoverage {
  readonly id: string;
  readonly organization: number;
}

const takeRow = `UPDATE ledger.organizations SET lease_until = now() + CAST($3 AS interval)
  WHERE id = $1 AND lease_epoch = $2 RETURNING boundary, next_sequence`;
const setBoundary = `UPDATE ledger.organizations
  SET boundary = $2, tail_covered_to = $2, rescan_started_at = $3, server_date = $3
  WHERE id = $1 AND boundary IS NULL`;
const selectCoverage = `SELECT from_time, to_time FROM ledger.coverage WHERE organization = $1 ORDER BY from_time`;
const selectStretches = `SELECT from_time, to_time, checkpoint FROM ledger.stretches
  WHERE organization = $1 ORDER BY from_time`;
const insertStretch = `INSERT INTO ledger.stretches (organization, from_time, to_time) VALUES ($1, $2, $3)`;
const deleteStretch = `DELETE FROM ledger.stretches WHERE organization = $1 AND from_time = $2`;
const deleteCoverage = `DELETE FROM ledger.coverage WHERE organization = $1`;
const insertCoverage = `INSERT INTO ledger.coverage (organization, from_time, to_time) VALUES ($1, $2, $3)`;
const completeRescan = `UPDATE ledger.organizations SET rescan_started_at = $2 WHERE id = $1`;
const insertDemand = `INSERT INTO ledger.demands (id, organization, from_time, to_time, requested_by, parallel)
  VALUES ($1, $2, $3, $4, $5, $6)`;
const selectDemands = `SELECT id, organization, from_time, to_time, parallel FROM ledger.demands
  WHERE organization = $1 AND finished_at IS NULL ORDER BY requested_at, id`;
const finishDemandRow = `UPDATE ledger.demands SET finished_at = now(), head_sequence = $2
  WHERE id = $1 AND finished_at IS NULL`;
const selectDemand = `SELECT finished_at, head_sequence FROM ledger.demands WHERE id = $1`;
const deleteMetDemands = `DELETE FROM ledger.demands WHERE finished_at < now() - CAST('7 days' AS interval)`;
const selectAwaited = `SELECT id FROM ledger.demands
  WHERE organization = $1 AND finished_at IS NOT NULL AND head_sequence > $2 LIMIT 1`;

/**
 * First contact: the tail begins `overlap` before the API's clock, once and for all. Later calls change nothing.
 */
export async function fixBoundary(
  ledger: Ledger,
  lease: Lease,
  clock: { readonly serverDate: Nanos; readonly overlapMs: number },
): Promise<Nanos> {
  const boundary = await ledger.database.transaction(async (transaction) => {
    const { boundary: known } = await takeOrganization(ledger, lease, transaction);
    if (known !== null) return nanos(BigInt(known));
    const fixed = nanos(clock.serverDate - BigInt(clock.overlapMs) * 1_000_000n);
    await transaction.query(setBoundary, [lease.target.organization, fixed, clock.serverDate]);
    announceStep('before-boundary-commit');
    return fixed;
  });
  announceStep('boundary-fixed');
  return boundary;
}

/** Makes stretches of what the demand lacks before the tail's beginning; tells how many. */
export async function demandCoverage(ledger: Ledger, lease: Lease, demand: Interval): Promise<number> {
  return await ledger.database.transaction(async (transaction) => {
    const { boundary } = await takeOrganization(ledger, lease, transaction);
    const { organization } = lease.target;
    const end = boundary === null ? demand.to : minNanos(demand.to, nanos(BigInt(boundary)));
    const taken = [
      ...(await readIntervals(transaction, selectCoverage, organization)),
      ...(await readIntervals(transaction, selectStretches, organization)),
    ];
    const parts = demand.from < end ? missing({ from: demand.from, to: end }, taken) : [];
    for (const part of parts) {
      await transaction.query(insertStretch, [organization, part.from, part.to]);
      await writeJournal(
        ledger,
        { what: 'stretch_added', organization, detail: describe(part) },
        transaction,
      );
    }
    announceStep('before-demand-commit');
    return parts.length;
  });
}

/** The stretch is read to its end: it becomes coverage, merged with its neighbours. */
export async function finishStretch(ledger: Ledger, lease: Lease, stretch: Interval): Promise<void> {
  await ledger.database.transaction(async (transaction) => {
    await takeOrganization(ledger, lease, transaction);
    const { organization } = lease.target;
    const { rowCount } = await transaction.query(deleteStretch, [organization, stretch.from]);
    if (rowCount === 0) return;
    const covered = union([...(await readIntervals(transaction, selectCoverage, organization)), stretch]);
    await transaction.query(deleteCoverage, [organization]);
    for (const part of covered) await transaction.query(insertCoverage, [organization, part.from, part.to]);
    await writeJournal(
      ledger,
      { what: 'stretch_finished', organization, detail: describe(stretch) },
      transaction,
    );
    announceStep('before-stretch-commit');
  });
  announceStep('stretch-finished');
}

export async function readStretches(ledger: Ledger, organization: number): Promise<Stretch[]> {
  const { rows } = await ledger.database.query<{
    from_time: string;
    to_time: string;
    checkpoint: string | null;
  }>(selectStretches, [organization]);
  return rows.map((row) => ({ ...toInterval(row), checkpoint: row.checkpoint ?? undefined }));
}

/** Finished coverage, without the tail's. */
export async function readCoverage(ledger: Ledger, organization: number): Promise<Interval[]> {
  return await readIntervals(ledger.database, selectCoverage, organization);
}

/** A re-scan that began at `startedAt`, by the API's clock, has caught up. */
export async function finishRescan(ledger: Ledger, lease: Lease, startedAt: Nanos): Promise<void> {
  await ledger.database.transaction(async (transaction) => {
    await takeOrganization(ledger, lease, transaction);
    await transaction.query(completeRescan, [lease.target.organization, startedAt]);
  });
}

/** Leaves a demand for whoever holds the organization's lease; returns its id. */
export async function leaveDemand(
  ledger: Ledger,
  organization: number,
  demand: WantedCoverage,
): Promise<string> {
  const id = randomUUID();
  await ledger.database.query(insertDemand, [
    id,
    organization,
    demand.from,
    demand.to,
    ledger.actor,
    demand.parallel ?? null,
  ]);
  return id;
}

export async function openDemands(ledger: Ledger, organization: number): Promise<Demand[]> {
  const { rows } = await ledger.database.query<{
    id: string;
    from_time: string;
    to_time: string;
    parallel: string | null;
  }>(selectDemands, [organization]);
  return rows.map((row) => ({
    id: row.id,
    organization,
    ...toInterval(row),
    parallel: Number(row.parallel ?? 1),
  }));
}

/** The demand is covered; the ledger's head at this moment is what its sinks must reach. */
export async function finishDemand(ledger: Ledger, lease: Lease, demand: Demand): Promise<void> {
  await ledger.database.transaction(async (transaction) => {
    const { next_sequence: next } = await takeOrganization(ledger, lease, transaction);
    await transaction.query(finishDemandRow, [demand.id, Number(next) - 1]);
  });
}

/** The ledger's head when the demand was covered; undefined while it is not. */
export async function demandHead(ledger: Ledger, id: string): Promise<number | undefined> {
  const { rows } = await ledger.database.query<{ finished_at: string | null; head_sequence: string | null }>(
    selectDemand,
    [id],
  );
  const row = rows[0];
  return row === undefined || row.finished_at === null ? undefined : Number(row.head_sequence);
}

/** Whether a backfill that has been read waits for a sink to get beyond `offset`. */
export async function isAwaitedBeyond(
  ledger: Ledger,
  organization: number,
  offset: number,
): Promise<boolean> {
  const { rows } = await ledger.database.query(selectAwaited, [organization, offset]);
  return rows.length > 0;
}

/** Demands that were met a while ago are of no use to anybody; the journal tells what was read. */
export async function forgetMetDemands(ledger: Ledger): Promise<void> {
  await ledger.database.query(deleteMetDemands);
}

async function takeOrganization(
  ledger: Ledger,
  lease: Lease,
  transaction: Queryable,
): Promise<{ readonly boundary: string | null; readonly next_sequence: string }> {
  const { rows } = await transaction.query<{ boundary: string | null; next_sequence: string }>(takeRow, [
    lease.target.organization,
    lease.epoch,
    `${ledger.leaseMs} milliseconds`,
  ]);
  if (rows[0] === undefined) throw leaseLost(lease.target);
  return rows[0];
}

async function readIntervals(queryable: Queryable, sql: string, organization: number): Promise<Interval[]> {
  const { rows } = await queryable.query<{ from_time: string; to_time: string }>(sql, [organization]);
  return rows.map(toInterval);
}

function toInterval(row: { readonly from_time: string; readonly to_time: string }): Interval {
  return { from: nanos(BigInt(row.from_time)), to: nanos(BigInt(row.to_time)) };
}

function describe(interval: Interval): object {
  return {
    from: interval.from <= beginningOfTime ? 'beginning' : interval.from.toString(),
    to: interval.to >= endOfTime ? 'end' : interval.to.toString(),
  };
}
