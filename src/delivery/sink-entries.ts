import type { LedgerEntry } from '../ledger/segments.ts';
import type { SinkEntry } from '../../sinks/sink.ts';

/** A ledger entry as sinks get it. Its id is only looked up where a sink asks for it: most of the text is never parsed. */
export function toSinkEntry(entry: LedgerEntry): SinkEntry {
  let id: string | undefined;
  return {
    sequence: entry.sequence,
    createdAt: entry.createdAt,
    raw: entry.raw,
    sha256: entry.sha256,
    get id(): string {
      return (id ??= idOf(entry));
    },
  };
}

/** The API's id, verbatim; of an entry without one, the hash of its line, which is as unique as the line. */
export function idOf(entry: { readonly raw: Buffer; readonly sha256: Buffer }): string {
  const fields: unknown = JSON.parse(entry.raw.toString('utf8'));
  if (typeof fields === 'object' && fields !== null && 'id' in fields) {
    if (typeof fields.id === 'string' && fields.id !== '') return fields.id;
  }
  return `sha256:${entry.sha256.toString('hex')}`;
}
