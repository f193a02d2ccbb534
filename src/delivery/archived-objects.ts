/** Archive sinks as the place where pruned text is read back from. */
import type { Sink } from '../../sinks/sink.ts';
import type { ArchiveText } from '../ledger/archived-text.ts';

export function archiveTextOf(sinks: readonly Sink[], signal: AbortSignal): ArchiveText {
  const readable = new Map(sinks.map((sink) => [sink.name, sink]));
  return {
    async read({ sink, key, bytes }): Promise<Buffer | undefined> {
      return await readable.get(sink)?.read?.({ key, bytes }, { signal });
    },
  };
}
