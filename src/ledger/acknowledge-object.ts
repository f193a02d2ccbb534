import { acknowledge, type DeliveryLease } from './deliveries.ts';
import type { Ledger } from './ledger.ts';
import { confirmObject, planCommitted, writePlan, type ConfirmedObject, type ObjectPlan } from './objects.ts';

/**
 * Moves the offset past an object that the sink holds, and confirms it, in one commit; with `next`, that commit plans the
 * next one too.
 */
export async function acknowledgeObject(
  ledger: Ledger,
  lease: DeliveryLease,
  object: ConfirmedObject & { readonly next: ObjectPlan | undefined },
): Promise<void> {
  const { plan, next } = object;
  await acknowledge(ledger, lease, plan.lastSequence, async (transaction) => {
    await confirmObject(transaction, lease, object);
    if (next !== undefined) await writePlan(transaction, lease, next);
  });
  if (next !== undefined) planCommitted(lease);
}
