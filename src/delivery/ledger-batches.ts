/** Cutting the ledger into batches. What is read is bounded in entries and bytes; a single larger entry is a batch. */
import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerEntry } from '../ledger/ledger-entry.ts';
import type { Follower } from '../ledger/recent-segments.ts';
import { readAppendedFrom, readSegmentFrom } from '../ledger/segments.ts';

export interface BatchLimits {
  readonly entries: number;
  readonly bytes: number;
}

/** Reads the entries from `first` upward, up to the limits; empty at the ledger's head. */
export async function readBatch(
  ledger: Ledger,
  place: { readonly follower: Follower; readonly first: number },
  limits: BatchLimits,
): Promise<LedgerEntry[]> {
  const batch: LedgerEntry[] = [];
  let bytes = 0;
  let next = place.first;
  while (batch.length < limits.entries && bytes < limits.bytes) {
    const segment = await readAppendedFrom(ledger, place.follower, next);
    if (segment === undefined) break;
    for (const entry of segment.entries) {
      if (batch.length === limits.entries) return batch;
      if (batch.length > 0 && bytes + entry.raw.length > limits.bytes) return batch;
      batch.push(entry);
      bytes += entry.raw.length;
    }
    next = segment.lastSequence + 1;
  }
  return batch;
}

/** Reads exactly the entries of a range, a segment at a time; fewer where the store was altered. */
export async function* readRange(
  ledger: Ledger,
  range: { readonly organization: number; readonly first: number; readonly last: number },
): AsyncGenerator<readonly LedgerEntry[]> {
  const { organization, first, last } = range;
  for (let next = first; next <= last;) {
    const segment = await readSegmentFrom(ledger, organization, next);
    if (segment === undefined) return;
    yield segment.entries.filter(({ sequence }) => sequence <= last);
    next = segment.lastSequence + 1;
  }
}
