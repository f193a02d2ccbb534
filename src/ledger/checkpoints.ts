/**
 * An operator moves the place where reading goes on. Backward is harmless: what is known drops. Forward leaves entries
 * out for good unless the coverage is forgotten later, so it has to be asked for.
 */
import { UsageError } from '../errors.ts';
import { formatTimestamp, nanos, parseTimestamp, type Nanos } from '../time.ts';
import type { Queryable } from '../database/database.ts';
import { writeJournal } from './journal.ts';
import { leaseLost, type Lease } from './leases.ts';
import type { Ledger } from './ledger.ts';

export interface CheckpointMove {
  /** RFC 3339; kept verbatim. */
  readonly to: string;
  /** Whether a move that leaves entries out is meant. */
  readonly skip: boolean;
}

export interface MovedCheckpoint {
  readonly from: string;
  readonly to: string;
  readonly isForward: boolean;
}

const takeRow = `UPDATE ledger.organizations SET lease_until = now() + CAST($3 AS interval)
  WHERE id = $1 AND lease_epoch = $2
  RETURNING boundary, tail_checkpoint, CAST(floor(extract(epoch FROM now())) AS int8) AS now_seconds`;
const setCheckpoint = `UPDATE ledger.organizations SET tail_checkpoint = $2 WHERE id = $1`;
// The newest entry and the API's clock hold the tail back behind a checkpoint that is further: a skip lets go of both.
const skipToCheckpoint = `UPDATE ledger.organizations
  SET tail_checkpoint = $2, newest_created_at = NULL, server_date = NULL WHERE id = $1`;
const forgetTail = `UPDATE ledger.organizations
  SET boundary = NULL, tail_checkpoint = NULL, tail_covered_to = NULL, rescan_started_at = NULL WHERE id = $1`;
const deleteCoverage = `DELETE FROM ledger.coverage WHERE organization = $1`;
const deleteStretches = `DELETE FROM ledger.stretches WHERE organization = $1`;
const reopenDemands = `UPDATE ledger.demands SET finished_at = NULL, head_sequence = NULL
  WHERE organization = $1 AND finished_at IS NOT NULL`;

interface TakenRow {
  readonly boundary: string | null;
  readonly tail_checkpoint: string | null;
  readonly now_seconds: string;
}

/** Moves the tail's checkpoint, under the organization's lease. Throws a UsageError for a move that can't be meant. */
export async function moveCheckpoint(
  ledger: Ledger,
  lease: Lease,
  move: CheckpointMove,
): Promise<MovedCheckpoint> {
  const time = parseTimestamp(move.to);
  if (time === undefined) throw notATime(move.to);
  return await ledger.database.transaction(async (transaction) => {
    const row = await takeOrganization(ledger, lease, transaction);
    const from = currentCheckpoint(row);
    checkRange(row, time);
    const isForward = time > (parseTimestamp(from) ?? time);
    if (isForward && !move.skip) throw wantsSkip(from, move.to);
    const { organization } = lease.target;
    await transaction.query(isForward ? skipToCheckpoint : setCheckpoint, [organization, move.to]);
    await writeJournal(
      ledger,
      { what: 'checkpoint_moved', organization, detail: { from, to: move.to, skip: isForward } },
      transaction,
    );
    return { from, to: move.to, isForward };
  });
}

/**
 * Forgets what time was read: the next process that reads the organization makes first contact anew and reads everything
 * that is or was demanded once more. The ledger stays; known entries drop.
 */
export async function forgetCoverage(ledger: Ledger, lease: Lease): Promise<void> {
  await ledger.database.transaction(async (transaction) => {
    const row = await takeOrganization(ledger, lease, transaction);
    const { organization } = lease.target;
    for (const statement of [forgetTail, deleteCoverage, deleteStretches, reopenDemands]) {
      await transaction.query(statement, [organization]);
    }
    await writeJournal(
      ledger,
      {
        what: 'checkpoint_moved',
        organization,
        detail: { from: row.tail_checkpoint, to: null, reset: true },
      },
      transaction,
    );
  });
}

async function takeOrganization(ledger: Ledger, lease: Lease, transaction: Queryable): Promise<TakenRow> {
  const { rows } = await transaction.query<TakenRow>(takeRow, [
    lease.target.organization,
    lease.epoch,
    `${ledger.leaseMs} milliseconds`,
  ]);
  if (rows[0] === undefined) throw leaseLost(lease.target);
  return rows[0];
}

/** Where the tail stands: at its beginning as long as no page of it was read. */
function currentCheckpoint(row: TakenRow): string {
  if (row.tail_checkpoint !== null) return row.tail_checkpoint;
  if (row.boundary !== null) return formatTimestamp(nanos(BigInt(row.boundary)));
  throw new UsageError(
    'This organization was never read, so it has no checkpoint yet. Set `startFrom` in the configuration to say where reading begins.',
    { code: 'checkpoint_missing' },
  );
}

function checkRange(row: TakenRow, time: Nanos): void {
  const boundary = row.boundary === null ? undefined : nanos(BigInt(row.boundary));
  if (boundary !== undefined && time < boundary) {
    throw new UsageError(
      `The checkpoint is that of the tail, which begins at ${formatTimestamp(boundary)}; earlier time is not read from it. ` +
        'Use `ccloud-audit backfill --from --to` for a part of the past that was never read, or `ccloud-audit checkpoint reset` to read everything once more.',
      { code: 'checkpoint_out_of_range' },
    );
  }
  if (time > (BigInt(row.now_seconds) + 1n) * 1_000_000_000n) {
    throw new UsageError(
      'The checkpoint would lie in the future: entries that are yet to come would be left out. Choose a time up to now.',
      { code: 'checkpoint_out_of_range' },
    );
  }
}

function notATime(text: string): UsageError {
  return new UsageError(
    `A checkpoint is an RFC 3339 time such as 2024-01-31T00:00:00.000000Z, not "${text}".`,
    { code: 'checkpoint_invalid' },
  );
}

function wantsSkip(from: string, to: string): UsageError {
  return new UsageError(
    `The checkpoint is at ${from}; moving it on to ${to} would leave out what was logged in between. Add --skip if that is meant.`,
    { code: 'skip_needed' },
  );
}
