/**
 * Retention: raw text that is old enough is deleted, whole segments at a time. Ids, times and hashes stay for ever.
 *
 * A segment goes only when all of this holds: it is older than the retention, by the database's clock; every sink that
 * is not retired is past it; an archive that is still in use holds every entry of it in confirmed objects; none of its entries is
 * parked. The newest segment stays, and so does the one in which a sink's offset lies: it is what the sink is asked for
 * when it has to show that it still holds the last entry.
 */
import type { Queryable } from '../database/database.ts';
import { announceStep } from '../steps.ts';
import { writeJournal } from './journal.ts';
import { leaseLost, type Lease } from './leases.ts';
import type { Ledger } from './ledger.ts';

export interface PruneOptions {
  readonly organization: number;
  readonly retentionMs: number;
}

export interface PruneResult {
  readonly segments: number;
  readonly entries: number;
  /** What keeps older segments that would be due: a sentence. */
  readonly heldBackBy?: string;
}

const segmentsPerCommit = 50;

const takeRow = `UPDATE ledger.organizations SET lease_until = now() + CAST($3 AS interval)
  WHERE id = $1 AND lease_epoch = $2`;

/** The segments that are due, and of each what may keep it. */
const selectDue = `SELECT s.first_sequence, s.last_sequence,
    (SELECT min(d.sink) FROM ledger.deliveries d
      WHERE d.organization = s.organization AND d.retired_at IS NULL AND d.acknowledged <= s.last_sequence) AS behind,
    EXISTS (SELECT 1 FROM ledger.parked_entries p WHERE p.organization = s.organization
      AND p.sequence >= s.first_sequence AND p.sequence <= s.last_sequence) AS has_parked,
    EXISTS (SELECT 1 FROM ledger.deliveries d
      WHERE d.organization = s.organization AND d.retired_at IS NULL
        AND s.last_sequence - s.first_sequence + 1 = (
          SELECT sum(least(o.last_sequence, s.last_sequence) - greatest(o.first_sequence, s.first_sequence) + 1)
          FROM ledger.objects o WHERE o.organization = d.organization AND o.sink = d.sink
            AND o.confirmed_at IS NOT NULL
            AND o.last_sequence >= s.first_sequence AND o.first_sequence <= s.last_sequence)) AS is_archived
  FROM ledger.segments s
  WHERE s.organization = $1 AND s.first_sequence > $2
    AND s.appended_at < now() - CAST($3 AS interval)
    AND s.first_sequence < (SELECT max(newest.first_sequence) FROM ledger.segments newest WHERE newest.organization = $1)
  ORDER BY s.first_sequence LIMIT $4`;
const deleteSegments = `DELETE FROM ledger.segments
  WHERE organization = $1 AND first_sequence = ANY(CAST($2 AS int8[]))`;

interface DueRow {
  readonly first_sequence: string;
  readonly last_sequence: string;
  readonly behind: string | null;
  readonly has_parked: boolean;
  readonly is_archived: boolean;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

/** Deletes what is due, under the organization's lease, a few segments in a commit; each commit is journalled. */
export async function pruneSegments(
  ledger: Ledger,
  lease: Lease,
  options: PruneOptions,
): Promise<PruneResult> {
  let segments = 0;
  let entries = 0;
  let heldBackBy: string | undefined;
  let after = 0;
  for (;;) {
    lease.signal.throwIfAborted();
    const { due, pruned } = await pruneSome(ledger, lease, { ...options, after });
    if (pruned.length > 0) announceStep('pruned');
    segments += pruned.length;
    entries += pruned.reduce((sum, range) => sum + range.last - range.first + 1, 0);
    heldBackBy ??= due.map(holdingBack).find((sentence) => sentence !== undefined);
    const last = due.at(-1);
    if (last === undefined || due.length < segmentsPerCommit) break;
    // From the first sink that is behind on, nothing later can go either.
    if (last.behind !== null) break;
    after = Number(last.first_sequence);
  }
  const counted = { organization: options.organization, segments, entries };
  const fields = heldBackBy === undefined ? counted : { ...counted, heldBackBy };
  if (segments > 0 || heldBackBy !== undefined) ledger.logger.info(fields, 'raw text pruned');
  return heldBackBy === undefined ? { segments, entries } : { segments, entries, heldBackBy };
}

async function pruneSome(
  ledger: Ledger,
  lease: Lease,
  options: PruneOptions & { readonly after: number },
): Promise<{ readonly due: readonly DueRow[]; readonly pruned: readonly Range[] }> {
  const { organization, retentionMs, after } = options;
  return await ledger.database.transaction(async (transaction) => {
    await takeOrganization(ledger, lease, transaction);
    const { rows: due } = await transaction.query<DueRow>(selectDue, [
      organization,
      after,
      `${retentionMs} milliseconds`,
      segmentsPerCommit,
    ]);
    const pruned = due
      .filter((row) => holdingBack(row) === undefined)
      .map((row) => ({ first: Number(row.first_sequence), last: Number(row.last_sequence) }));
    if (pruned.length > 0) {
      await transaction.query(deleteSegments, [organization, pruned.map((range) => range.first)]);
      await writeJournal(
        ledger,
        { what: 'pruned', organization, detail: { ranges: joined(pruned), segments: pruned.length } },
        transaction,
      );
      announceStep('before-prune-commit');
    }
    return { due, pruned };
  });
}

async function takeOrganization(ledger: Ledger, lease: Lease, transaction: Queryable): Promise<void> {
  const { rowCount } = await transaction.query(takeRow, [
    lease.target.organization,
    lease.epoch,
    `${ledger.leaseMs} milliseconds`,
  ]);
  if (rowCount === 0) throw leaseLost(lease.target);
}

/** What keeps a segment; undefined: nothing. */
function holdingBack(row: DueRow): string | undefined {
  const range = `sequences ${row.first_sequence} to ${row.last_sequence}`;
  if (row.behind !== null) return `the sink "${row.behind}" has not yet got past ${range}`;
  if (row.has_parked) return `an entry of ${range} is parked`;
  if (!row.is_archived) return `no archive sink holds ${range}`;
  return undefined;
}

function joined(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of ranges) {
    const last = result.at(-1);
    if (last !== undefined && last.last + 1 === range.first) {
      result[result.length - 1] = { first: last.first, last: range.last };
    } else result.push(range);
  }
  return result;
}
