/**
 * Feeding a sink that makes objects: plan, write, confirm. No second object is begun before the first is confirmed, and
 * whoever comes after a crash finds the plan and writes the same range. While one object is written the next one is read,
 * hashed and packed in memory, and the commit that confirms the one plans the other:
 *
 *     plan 1 ── write 1 ──▶ confirm 1, plan 2 ── write 2 ──▶ confirm 2, plan 3 ── …
 *                 └ get 2 ready                    └ get 3 ready
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Roll, SinkBatch, WriteReceipt } from '../../sinks/sink.ts';
import { entriesKey } from '../archive/layout.ts';
import { ExporterError } from '../errors.ts';
import { acknowledgeObject } from '../ledger/acknowledge-object.ts';
import { planObject, plannedObject, type ObjectEvidence, type ObjectPlan } from '../ledger/objects.ts';
import type { Follower } from '../ledger/recent-segments.ts';
import { CollectedEntries, type CollectedObject } from './collected-entries.ts';
import type { DeliveryOptions } from './delivery-options.ts';
import { readRange } from './ledger-batches.ts';
import { toBatch, writeUntilAborted } from './write-batch.ts';
import { createObjectRoll } from './object-roll.ts';

export interface ObjectDelivery {
  /** Writes the next object; resolves to what it held, or to undefined where it is not full yet. */
  writeNext(options: { readonly after: number; readonly flush: boolean }): Promise<ObjectPlan | undefined>;
}

/** What is got ready while another object is written is held beside it, so only small ones are followed up at once. */
const aheadBytesMax = 4 * 1024 * 1024;

/** An object as it is handed to the sink. */
interface NextObject {
  readonly plan: ObjectPlan;
  readonly object: CollectedObject;
  readonly batch: SinkBatch;
}

export function createObjectDelivery(
  options: DeliveryOptions,
  reading: { readonly roll: Roll; readonly follower: Follower },
): ObjectDelivery {
  const { ledger, lease, organization, sink } = options;
  const { signal } = lease;
  const collected = createObjectRoll({ ledger, ...reading });
  let isPlanRead = false;
  /** The object that the last commit planned, while nothing has failed since. */
  let following: NextObject | undefined;

  const unfinished = async (): Promise<NextObject | undefined> => {
    if (isPlanRead) return undefined;
    const plan = await plannedObject(ledger, organization.id, sink.name);
    if (plan === undefined) {
      isPlanRead = true;
      return undefined;
    }
    const { firstSequence: first, lastSequence: last } = plan;
    const lines = new CollectedEntries();
    for await (const entries of readRange(ledger, { organization: organization.id, first, last })) {
      for (const entry of entries) lines.add(entry);
      await lines.packLong([], { signal });
    }
    const object = lines.finish();
    if (!object.contentSha256.equals(plan.contentSha256)) throw planDiffers(plan);
    return { plan, object, batch: toBatch(organization, object.entries, object.packed) };
  };
  const collect = async (after: number, flush: boolean): Promise<NextObject | undefined> => {
    const object = await collected.next({ after, flush, signal });
    const first = object?.entries[0];
    if (object === undefined || first === undefined) return undefined;
    const { entries, packed, rawBytes, contentSha256 } = object;
    const plan: ObjectPlan = {
      firstSequence: first.sequence,
      lastSequence: first.sequence + entries.length - 1,
      key: entriesKey(organization.name, first),
      entries: entries.length,
      rawBytes,
      contentSha256,
    };
    return { plan, object, batch: toBatch(organization, entries, packed) };
  };
  const planNext = async (after: number, flush: boolean): Promise<NextObject | undefined> => {
    const next = await collect(after, flush);
    if (next === undefined) return undefined;
    // Until it is confirmed, whatever happens, the plan in the ledger is what counts.
    isPlanRead = false;
    await planObject(ledger, lease, next.plan);
    return next;
  };
  /** What can be done for the object behind `current` without planning it. A failure is met again when its turn comes. */
  const getReady = async (current: ObjectPlan, flush: boolean): Promise<NextObject | undefined> => {
    if (current.rawBytes > aheadBytesMax) return undefined;
    try {
      const next = await collect(current.lastSequence, flush);
      if (next !== undefined) sink.prepare?.(next.batch, { signal: lease.signal });
      return next;
    } catch {
      return undefined;
    }
  };

  return {
    async writeNext({ after, flush }): Promise<ObjectPlan | undefined> {
      const known = following;
      following = undefined;
      const current = known ?? (await unfinished()) ?? (await planNext(after, flush));
      if (current === undefined) return undefined;
      isPlanRead = false;
      const { plan, object, batch } = current;
      const writing = writeUntilAborted(options, batch);
      const beside = async (): Promise<{ evidence: ObjectEvidence; next: NextObject | undefined }> => {
        await nextTurn();
        return { evidence: object.evidence(), next: await getReady(plan, flush) };
      };
      // A failed write, too, ends only with what is done beside it: the collecting must not go on into the next try.
      const [, done] = await Promise.allSettled([writing, beside()]);
      const stored = checkReceipt(await writing, plan);
      if (done.status === 'rejected') throw done.reason;
      const { evidence, next } = done.value;
      await acknowledgeObject(ledger, lease, { plan, stored, evidence, next: next?.plan });
      following = next;
      isPlanRead = next === undefined;
      return plan;
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

function planDiffers(plan: ObjectPlan): ExporterError {
  return new ExporterError(
    `The ledger's lines ${plan.firstSequence} to ${plan.lastSequence} are not the ones that were planned for ${plan.key}: ` +
      'the store was altered. Nothing was written.',
    { kind: 'store', code: 'plan_differs' },
  );
}
