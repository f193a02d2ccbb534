/**
 * An operator moves a sink's offset: back, to have entries written again, or on, to leave some out. An archive's
 * offset can't be moved: its objects are named by the sequences they begin with and are never replaced.
 */
import { UsageError } from '../errors.ts';
import type { Queryable } from '../database/database.ts';
import { readHead, type Delivery, type DeliveryLease } from './deliveries.ts';
import { writeJournal } from './journal.ts';
import { leaseLost } from './leases.ts';
import type { Ledger } from './ledger.ts';
import { hasObjects } from './objects.ts';

export interface OffsetMove {
  /** The last sequence that is to count as held; `beginning`: the one before where the sink starts. */
  readonly to: number | 'beginning';
  /** Whether a move that leaves entries out is meant. */
  readonly skip: boolean;
}

export interface MovedOffset {
  readonly from: number;
  readonly to: number;
  /** Entries set aside that come again and are therefore no longer counted as parked. */
  readonly unparked: number;
}

const takeRow = `UPDATE ledger.deliveries SET lease_until = now() + CAST($4 AS interval)
  WHERE organization = $1 AND sink = $2 AND lease_epoch = $3 RETURNING acknowledged, first_sequence`;
const moveBack = `UPDATE ledger.deliveries
  SET acknowledged = $3, first_sequence = least(first_sequence, CAST($3 AS int8) + 1)
  WHERE organization = $1 AND sink = $2`;
// The destination does not hold what was left out, so the sink's beginning moves too: the entry at the offset is then
// neither looked for there nor shown as delivered.
const moveOn = `UPDATE ledger.deliveries SET acknowledged = $3, first_sequence = CAST($3 AS int8) + 1
  WHERE organization = $1 AND sink = $2`;
const dropParked = `DELETE FROM ledger.parked_entries WHERE organization = $1 AND sink = $2 AND sequence > $3`;
const countTextAt = `SELECT
    (SELECT count(*) FROM ledger.segments
      WHERE organization = $1 AND first_sequence <= $2 AND last_sequence >= $2) +
    (SELECT count(*) FROM ledger.objects o
      JOIN ledger.deliveries d ON d.organization = o.organization AND d.sink = o.sink AND d.retired_at IS NULL
      WHERE o.organization = $1 AND o.first_sequence <= $2 AND o.last_sequence >= $2
        AND o.confirmed_at IS NOT NULL) AS kept`;

const archiveTypes = new Set(['s3', 'file']);

/** Whether a sink keeps objects, for which offsets can't be moved. */
export async function isArchive(ledger: Ledger, delivery: Delivery): Promise<boolean> {
  return archiveTypes.has(delivery.type) || (await hasObjects(ledger, delivery.organization, delivery.sink));
}

/** Moves the offset under the delivery's lease. Throws a UsageError for a move that can't be made. */
export async function moveOffset(
  ledger: Ledger,
  lease: DeliveryLease,
  { delivery, move }: { readonly delivery: Delivery; readonly move: OffsetMove },
): Promise<MovedOffset> {
  const { organization, sink } = lease.target;
  if (await isArchive(ledger, delivery)) throw archiveStays(sink);
  const head = await readHead(ledger, organization);
  return await ledger.database.transaction(async (transaction) => {
    const { from, first } = await takeDelivery(ledger, lease, transaction);
    const to = move.to === 'beginning' ? first - 1 : move.to;
    if (to > head) throw beyondHead(to, head);
    if (to > from && !move.skip) throw wantsSkip({ from, to });
    if (to < from) await checkText(transaction, organization, to + 1);
    await transaction.query(to > from ? moveOn : moveBack, [organization, sink, to]);
    const { rowCount } = await transaction.query(dropParked, [organization, sink, to]);
    const detail = { from, to, skip: to > from, ...(rowCount === 0 ? {} : { unparked: rowCount }) };
    await writeJournal(ledger, { what: 'offset_moved', organization, sink, detail }, transaction);
    return { from, to, unparked: rowCount };
  });
}

async function takeDelivery(
  ledger: Ledger,
  lease: DeliveryLease,
  transaction: Queryable,
): Promise<{ readonly from: number; readonly first: number }> {
  const { rows } = await transaction.query<{ acknowledged: string; first_sequence: string }>(takeRow, [
    lease.target.organization,
    lease.target.sink,
    lease.epoch,
    `${ledger.leaseMs} milliseconds`,
  ]);
  const row = rows[0];
  if (row === undefined) throw leaseLost(lease.target);
  return { from: Number(row.acknowledged), first: Number(row.first_sequence) };
}

/** What is to be written again must still have its text, here or in an archive. */
async function checkText(transaction: Queryable, organization: number, first: number): Promise<void> {
  const { rows } = await transaction.query<{ kept: string }>(countTextAt, [organization, first]);
  if (rows[0]?.kept !== '0') return;
  throw new UsageError(
    `The raw text of sequence ${first} was pruned by store.retention and no archive sink holds it any more, so this sink ` +
      "can't be fed from there. Choose a later sequence.",
    { code: 'text_pruned' },
  );
}

function archiveStays(sink: string): UsageError {
  return new UsageError(
    `The sink "${sink}" is an archive. Its objects are named by the sequences they begin with and are never replaced, so its ` +
      "offset can't be moved. To write everything once more, add a sink of another name with a prefix or directory of its own.",
    { code: 'offset_of_archive' },
  );
}

function beyondHead(to: number, head: number): UsageError {
  return new UsageError(
    `The ledger ends at sequence ${head}; an offset of ${to} would leave out entries that are yet to come.`,
    { code: 'offset_out_of_range' },
  );
}

function wantsSkip({ from, to }: { readonly from: number; readonly to: number }): UsageError {
  return new UsageError(
    `The offset is ${from}; moving it on to ${to} would leave out ${to - from} entries that this sink then never gets. ` +
      'Add --skip if that is meant.',
    { code: 'skip_needed' },
  );
}
