import { hash } from 'node:crypto';
import { LineHashes } from '../../src/ledger/line-hashes.ts';
import { keptEntry, type PageEntry } from '../../src/reader/page-entries.ts';

/** An entry as the reader makes it, with the hash of its line. */
export function newEntry(fields: Pick<PageEntry, 'key' | 'raw' | 'createdAt'>): PageEntry {
  const hashes = new LineHashes(1);
  hashes.set(0, hash('sha256', fields.raw, 'buffer'));
  return keptEntry({ ...fields, hasOwnTime: true, hashes, index: 0 });
}
