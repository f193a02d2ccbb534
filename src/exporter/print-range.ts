/**
 * A backfill's output on stdout: the entries of its range that the ledger holds, in ledger order, while it grows. There
 * is no offset: every backfill prints its whole range.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Sink } from '../../sinks/sink.ts';
import { covers, type Interval } from '../ledger/coverage.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createFollower, type Follower } from '../ledger/recent-segments.ts';
import type { Organization } from '../ledger/organizations.ts';
import { readBatch } from '../delivery/ledger-batches.ts';

const batchLimits = { entries: 4000, bytes: 8 * 1024 * 1024 };
const pollMs = 50;

export interface PrintedRange {
  readonly organization: Organization;
  readonly range: Interval;
  /** The ledger's head up to which to print; undefined while it still grows. */
  readonly head: () => number | undefined;
  readonly onPrinted: (entries: number) => void;
}

/** Resolves to how many entries were printed. */
export async function printRange(
  ledger: Ledger,
  sink: Sink,
  printed: PrintedRange & { readonly signal: AbortSignal },
): Promise<number> {
  const follower = createFollower(printed.organization.id);
  return await ledger.recent.followed(follower, () => print(ledger, sink, { ...printed, follower }));
}

async function print(
  ledger: Ledger,
  sink: Sink,
  printed: PrintedRange & { readonly follower: Follower; readonly signal: AbortSignal },
): Promise<number> {
  const { organization, range, follower, signal } = printed;
  let next = 1;
  let count = 0;
  for (;;) {
    signal.throwIfAborted();
    const head = printed.head();
    const batch = await readBatch(ledger, { follower, first: next }, batchLimits);
    const inRange = batch.filter((entry) => covers([range], entry.createdAt));
    if (inRange.length > 0) {
      await sink.write({ organization: organization.name, entries: inRange }, { signal });
      count += inRange.length;
      printed.onPrinted(inRange.length);
    }
    next = (batch.at(-1)?.sequence ?? next - 1) + 1;
    if (head !== undefined && next > head) return count;
    if (batch.length === 0) await delay(pollMs, undefined, { signal });
  }
}
