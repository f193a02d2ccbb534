/** A third party's sink, whose answers a test writes. It keeps what it was given. */
import type { Attachment, Sink, SinkBatch, SinkCapabilities, WriteReceipt } from '../../sinks/sink.ts';

export interface ScriptedSink extends Sink {
  /** Every batch that was offered, in order. */
  readonly offered: SinkBatch[];
  /** The batches that were taken. */
  readonly taken: SinkBatch[];
  readonly attachments: Attachment[];
  /** What becomes of the next writes; a batch is taken where it resolves. */
  onWrite: ((batch: SinkBatch, signal: AbortSignal) => Promise<WriteReceipt | undefined>) | undefined;
}

export function createScriptedSink(
  options: {
    readonly name?: string;
    readonly fingerprint?: string;
    readonly capabilities?: SinkCapabilities;
    readonly attach?: (attachment: Attachment) => Promise<void>;
    readonly open?: () => Promise<void>;
  } = {},
): ScriptedSink {
  const sink: ScriptedSink = {
    name: options.name ?? 'scripted',
    type: 'scripted',
    capabilities: options.capabilities ?? { repeats: 'absorbed' },
    fingerprint: options.fingerprint ?? 'nowhere',
    offered: [],
    taken: [],
    attachments: [],
    onWrite: undefined,
    open: async () => await options.open?.(),
    attach: async (attachment) => {
      await options.attach?.(attachment);
      sink.attachments.push(attachment);
    },
    write: async (batch, { signal }) => {
      sink.offered.push(batch);
      const receipt = await sink.onWrite?.(batch, signal);
      sink.taken.push(batch);
      return receipt;
    },
    holds: async () => true,
    close: async () => undefined,
  };
  return sink;
}

export function sequencesOf(batches: readonly SinkBatch[]): number[][] {
  return batches.map(({ entries }) => entries.map(({ sequence }) => sequence));
}
