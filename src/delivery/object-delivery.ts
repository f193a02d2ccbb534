/**
 * Feeding a sink that makes objects: plan, write, confirm. No second object is begun before the first is confirmed, and
 * whoever comes after a crash finds the plan and writes the same range.
 */
import { createHash } from 'node:crypto';
import type { Roll, WriteReceipt } from '../../sinks/sink.ts';
import { merkleRoot } from '../archive/digest/merkle.ts';
import { entriesKey } from '../archive/layout.ts';
import { ExporterError } from '../errors.ts';
import { acknowledge } from '../ledger/deliveries.ts';
import {
  confirmObject,
  planObject,
  plannedObject,
  type ObjectEvidence,
  type ObjectPlan,
} from '../ledger/objects.ts';
import type { LedgerEntry } from '../ledger/segments.ts';
import type { DeliveryOptions } from './delivery-options.ts';
import { writeUntilAborted } from './write-batch.ts';
import { readRange } from './ledger-batches.ts';
import { createObjectRoll } from './object-roll.ts';
import { idOf } from './sink-entries.ts';

export interface ObjectDelivery {
  /** Writes the next object; resolves to its entries, or to none where it is not full yet. */
  writeNext(options: { readonly after: number; readonly flush: boolean }): Promise<readonly LedgerEntry[]>;
}

export function createObjectDelivery(options: DeliveryOptions, roll: Roll): ObjectDelivery {
  const { ledger, lease, organization, sink } = options;
  const collected = createObjectRoll({ ledger, organization: organization.id, roll });
  let isPlanRead = false;

  const unfinished = async (): Promise<{ plan: ObjectPlan; entries: readonly LedgerEntry[] } | undefined> => {
    if (isPlanRead) return undefined;
    const plan = await plannedObject(ledger, organization.id, sink.name);
    if (plan === undefined) {
      isPlanRead = true;
      return undefined;
    }
    const range = { organization: organization.id, first: plan.firstSequence, last: plan.lastSequence };
    const entries = await readRange(ledger, range);
    if (!contentHash(entries).equals(plan.contentSha256)) throw planDiffers(plan);
    return { plan, entries };
  };
  const planNext = async (
    after: number,
    flush: boolean,
  ): Promise<{ plan: ObjectPlan; entries: readonly LedgerEntry[] } | undefined> => {
    const entries = await collected.next({ after, flush });
    const first = entries?.[0];
    if (entries === undefined || first === undefined) return undefined;
    const plan: ObjectPlan = {
      firstSequence: first.sequence,
      lastSequence: first.sequence + entries.length - 1,
      key: entriesKey(organization.name, first),
      entries: entries.length,
      rawBytes: entries.reduce((bytes, entry) => bytes + entry.raw.length, 0),
      contentSha256: contentHash(entries),
    };
    // Until it is confirmed, whatever happens, the plan in the ledger is what counts.
    isPlanRead = false;
    await planObject(ledger, lease, plan);
    return { plan, entries };
  };

  return {
    async writeNext({ after, flush }): Promise<readonly LedgerEntry[]> {
      const next = (await unfinished()) ?? (await planNext(after, flush));
      if (next === undefined) return [];
      const { plan, entries } = next;
      const stored = checkReceipt(await writeUntilAborted(options, entries), plan);
      const evidence = evidenceOf(entries);
      await acknowledge(ledger, lease, plan.lastSequence, (transaction) =>
        confirmObject(transaction, lease, { plan, stored, evidence }),
      );
      isPlanRead = true;
      return entries;
    },
  };
}

function checkReceipt(receipt: WriteReceipt | undefined, plan: ObjectPlan): WriteReceipt {
  if (receipt?.key === plan.key) return receipt;
  throw new ExporterError(
    `The sink says that it wrote ${receipt?.key ?? 'nothing'}, but ${plan.key} was planned. The offset was not moved.`,
    { kind: 'sink', code: 'receipt_differs' },
  );
}

function contentHash(entries: readonly LedgerEntry[]): Buffer {
  const hash = createHash('sha256');
  for (const entry of entries) hash.update(entry.raw).update('\n');
  return hash.digest();
}

function evidenceOf(entries: readonly LedgerEntry[]): ObjectEvidence {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) throw new TypeError('an object has at least one entry');
  return {
    merkleRoot: merkleRoot(entries.map(({ sha256 }) => sha256)),
    firstCreatedAt: first.createdAt,
    lastCreatedAt: last.createdAt,
    firstId: idOf(first),
    lastId: idOf(last),
  };
}

function planDiffers(plan: ObjectPlan): ExporterError {
  return new ExporterError(
    `The ledger's lines ${plan.firstSequence} to ${plan.lastSequence} are not the ones that were planned for ${plan.key}: ` +
      'the store was altered. Nothing was written.',
    { kind: 'store', code: 'plan_differs' },
  );
}
