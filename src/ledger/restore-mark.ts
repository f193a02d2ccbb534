/**
 * A store that is being rebuilt from an archive has no ledger id, so that nobody else can use it, but this mark:
 *
 *     ledger id ──▶ mark ──▶ rows, objects, digests ──▶ the archive's ledger id
 *                     │
 *                     └─ something is wrong with the archive ──▶ what was written is taken back ──▶ the old ledger id
 *
 * The mark says what was there before. A restore that was interrupted is run again and goes on.
 */
import { ExporterError } from '../errors.ts';
import { writeJournal } from './journal.ts';
import type { Ledger } from './ledger.ts';

export interface RestoreMark {
  /** The archive's. */
  readonly ledgerId: string;
  readonly previousLedgerId: string;
  /** The organizations that were there, with the next sequence of each. */
  readonly organizations: readonly { readonly id: number; readonly nextSequence: number }[];
}

const setProperty = `INSERT INTO ledger.properties (name, value) VALUES ($1, $2)`;
const dropProperty = `DELETE FROM ledger.properties WHERE name = $1`;
const selectOrganizations = `SELECT id FROM ledger.organizations ORDER BY id`;
const setNext = `UPDATE ledger.organizations SET next_sequence = $2 WHERE id = $1`;
const capOffsets = `UPDATE ledger.deliveries SET acknowledged = $2 - 1 WHERE organization = $1 AND acknowledged >= $2`;
const dropOrganization = `DELETE FROM ledger.organizations WHERE id = $1`;
const dropDeliveries = `DELETE FROM ledger.deliveries WHERE organization = $1`;
const dropDigests = `DELETE FROM ledger.digests WHERE organization = $1 AND through_sequence >= $2`;
const dropRows = `DELETE FROM ledger.ledger_rows WHERE organization = $1 AND sequence >= $2`;
const dropSegments = `DELETE FROM ledger.segments WHERE organization = $1 AND first_sequence >= $2`;
const dropObjects = `DELETE FROM ledger.objects WHERE organization = $1 AND last_sequence >= $2`;
const dropEvidence = `DELETE FROM ledger.object_evidence WHERE organization = $1 AND NOT EXISTS (
  SELECT 1 FROM ledger.objects o WHERE o.organization = $1 AND o.sink = ledger.object_evidence.sink
    AND o.first_sequence = ledger.object_evidence.first_sequence)`;

export function parseMark(text: string): RestoreMark {
  return JSON.parse(text) as RestoreMark;
}

/** Nobody else can open the store from now on. */
export async function beginRestore(ledger: Ledger, mark: RestoreMark): Promise<void> {
  await ledger.database.transaction(async (transaction) => {
    await transaction.query(dropProperty, ['ledger_id']);
    await transaction.query(setProperty, ['restoring', JSON.stringify(mark)]);
  });
}

/** The store is the archive's ledger now. */
export async function finishRestore(ledger: Ledger, mark: RestoreMark, detail: object): Promise<void> {
  await ledger.database.transaction(async (transaction) => {
    const { rowCount } = await transaction.query(dropProperty, ['restoring']);
    if (rowCount === 0) throw markLost();
    await transaction.query(setProperty, ['ledger_id', mark.ledgerId]);
    await writeJournal(ledger, { what: 'restored', detail }, transaction);
  });
}

/** Takes back what was written; the store is then what it was. Digests that span its old end are forgotten with the rest. */
export async function undoRestore(ledger: Ledger, mark: RestoreMark): Promise<void> {
  const { database } = ledger;
  const { rows } = await database.query<{ id: string }>(selectOrganizations);
  const before = new Map(mark.organizations.map(({ id, nextSequence }) => [id, nextSequence]));
  for (const id of rows.map((row) => Number(row.id))) {
    const next = before.get(id) ?? 1;
    await database.query(dropRows, [id, next]);
    await database.query(dropSegments, [id, next]);
    await database.query(dropObjects, [id, next]);
    await database.query(dropEvidence, [id]);
    await database.query(dropDigests, [id, before.has(id) ? next : 0]);
    if (before.has(id)) {
      await database.query(setNext, [id, next]);
      await database.query(capOffsets, [id, next]);
    } else {
      await database.query(dropDeliveries, [id]);
      await database.query(dropOrganization, [id]);
    }
  }
  await database.transaction(async (transaction) => {
    const { rowCount } = await transaction.query(dropProperty, ['restoring']);
    if (rowCount === 0) throw markLost();
    await transaction.query(setProperty, ['ledger_id', mark.previousLedgerId]);
  });
}

function markLost(): ExporterError {
  return new ExporterError(
    'Another process ended this restore meanwhile; look at the store before anything else.',
    { kind: 'held', code: 'lease_lost' },
  );
}
