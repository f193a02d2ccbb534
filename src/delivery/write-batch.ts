import type { SinkBatch, WriteReceipt } from '../../sinks/sink.ts';
import type { PackedLines } from '../gzip-pieces.ts';
import { linkSignals } from '../linked-signal.ts';
import { announceStep } from '../steps.ts';
import type { DeliveryOptions } from './delivery-options.ts';

/** Hands a batch to the sink; losing the lease or the shutdown's deadline ends it, a stop does not. */
export async function writeUntilAborted(
  options: Pick<DeliveryOptions, 'lease' | 'abort' | 'sink'>,
  batch: SinkBatch,
): Promise<WriteReceipt | undefined> {
  const linked = linkSignals(options.lease.signal, options.abort);
  try {
    const receipt = await options.sink.write(batch, { signal: linked.signal });
    announceStep('batch-written', options.sink.name);
    return receipt;
  } finally {
    linked.unlink();
  }
}

export function toBatch(
  organization: { readonly name: string },
  entries: SinkBatch['entries'],
  packed: readonly PackedLines[] = [],
): SinkBatch {
  return { organization: organization.name, entries, packed };
}
