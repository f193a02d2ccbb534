/** Archive sinks as the place where pruned text is read back from. */
import type { Sink } from '../../sinks/sink.ts';
import type { ArchivedObject, ArchiveText } from '../ledger/archived-text.ts';

/** A larger object is read again for each batch that is cut out of it. */
const keptBytesMax = 32 * 1024 * 1024;

export function archiveTextOf(sinks: readonly Sink[], signal: AbortSignal): ArchiveText {
  const readable = new Map(sinks.map((sink) => [sink.name, sink]));
  // An object makes many batches of a sink that takes them smaller; they come one after the other.
  let kept: { readonly object: ArchivedObject; readonly content: Buffer } | undefined;
  return {
    async read(object): Promise<Buffer | undefined> {
      const { sink, key, bytes } = object;
      if (kept?.object.sink === sink && kept.object.key === key) return kept.content;
      const content = await readable.get(sink)?.read?.({ key, bytes }, { signal });
      if (content !== undefined) kept = bytes > keptBytesMax ? undefined : { object, content };
      return content;
    },
    forget(): void {
      kept = undefined;
    },
  };
}
