import type { WriteReceipt } from '../../sinks/sink.ts';
import type { LedgerEntry } from '../ledger/segments.ts';
import { linkSignals } from '../linked-signal.ts';
import type { DeliveryOptions } from './delivery-options.ts';
import { toSinkEntry } from './sink-entries.ts';

/** Hands a batch to the sink; losing the lease or the shutdown's deadline ends it, a stop does not. */
export async function writeUntilAborted(
  options: Pick<DeliveryOptions, 'lease' | 'abort' | 'organization' | 'sink'>,
  entries: readonly LedgerEntry[],
): Promise<WriteReceipt | undefined> {
  const linked = linkSignals(options.lease.signal, options.abort);
  try {
    return await options.sink.write(
      { organization: options.organization.name, entries: entries.map(toSinkEntry) },
      { signal: linked.signal },
    );
  } finally {
    linked.unlink();
  }
}
