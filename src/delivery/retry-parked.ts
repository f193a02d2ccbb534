/** Gives parked entries to their sink once more, one by one, in the order of the ledger. */
import { SinkError } from '../../sinks/sink-error.ts';
import type { Sink } from '../../sinks/sink.ts';
import type { Delivery, DeliveryLease } from '../ledger/deliveries.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerEntry } from '../ledger/ledger-entry.ts';
import { underDeliveryLease } from '../ledger/operator-lease.ts';
import type { Organization } from '../ledger/organizations.ts';
import { readParked, unparkEntry, type ParkedEntry } from '../ledger/parked.ts';
import { linkSignals } from '../linked-signal.ts';
import type { Logger } from '../logger.ts';
import { silentDeliveryObserver } from './delivery-observer.ts';
import { startDelivery } from './delivery.ts';
import { readRange } from './ledger-batches.ts';

export interface RetryOptions {
  readonly ledger: Ledger;
  readonly organization: Organization;
  readonly delivery: Delivery;
  /** Opened. */
  readonly sink: Sink;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface RetryResult {
  readonly taken: number;
  /** Refused again. */
  readonly remaining: number;
}

const portionEntries = 100;

/**
 * Under the delivery's lease; what the sink takes is parked no more. Throws what the sink throws for any other reason than the
 * entry itself, with what was taken until then kept.
 */
export async function retryParked(options: RetryOptions): Promise<RetryResult> {
  const { ledger, organization, delivery } = options;
  return await underDeliveryLease(ledger, { delivery, organization: organization.name }, async (lease) => {
    const linked = linkSignals(options.signal, lease.signal);
    try {
      return await retryUnder(lease, { ...options, signal: linked.signal });
    } finally {
      linked.unlink();
    }
  });
}

async function retryUnder(lease: DeliveryLease, options: RetryOptions): Promise<RetryResult> {
  const { ledger, organization, sink, signal } = options;
  // Attaching shows that this is the same destination, and that it still holds what it was given.
  await startDelivery({ ...options, lease, abort: signal, observer: silentDeliveryObserver }, signal);
  const result = { taken: 0, remaining: 0 };
  let after = 0;
  for (;;) {
    const place = { organization: organization.id, sink: sink.name, after };
    const parked = await readParked(ledger, place, { limit: portionEntries });
    for (const entry of parked) {
      signal.throwIfAborted();
      if (await retryOne(lease, entry, options)) result.taken += 1;
      else result.remaining += 1;
    }
    const last = parked.at(-1);
    if (last === undefined) return result;
    after = last.sequence;
  }
}

/** Whether the sink took it. */
async function retryOne(
  lease: DeliveryLease,
  { sequence }: ParkedEntry,
  options: RetryOptions,
): Promise<boolean> {
  const { ledger, organization, sink, signal } = options;
  const range = { organization: organization.id, first: sequence, last: sequence };
  const entries: LedgerEntry[] = [];
  for await (const held of readRange(ledger, range)) entries.push(...held);
  try {
    await sink.write({ organization: organization.name, entries }, { signal });
  } catch (error) {
    if (error instanceof SinkError && error.poisonSequence === sequence) return false;
    throw error;
  }
  await unparkEntry(ledger, lease, sequence);
  return true;
}
