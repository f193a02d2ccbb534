/**
 * Collects the entries of the next archive object and says when it is full: at its count or bytes, at its age, or
 * where the next entry is of another day. What it holds is bounded by the roll; the rest stays in the ledger.
 */
import type { Roll } from '../../sinks/sink.ts';
import { archiveDayBounds } from '../archive/layout.ts';
import type { PackedLines } from '../gzip-pieces.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerEntry } from '../ledger/ledger-entry.ts';
import type { Follower } from '../ledger/recent-segments.ts';
import { readAppendedFrom, segmentAgeMs, type Segment } from '../ledger/segments.ts';
import { CollectedEntries, type CollectedObject } from './collected-entries.ts';

export interface ObjectRoll {
  /**
   * Reads on from the ledger. Resolves to the object where it is full, or old enough, or `flush` asks for what there is;
   * undefined where it has to wait for more.
   */
  next(options: NextOptions): Promise<CollectedObject | undefined>;
}

export interface NextOptions {
  /** The last sequence of the object before. */
  readonly after: number;
  readonly flush: boolean;
  readonly signal: AbortSignal;
}

export function createObjectRoll(options: {
  readonly ledger: Ledger;
  readonly follower: Follower;
  readonly roll: Roll;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}): ObjectRoll {
  const { ledger, follower, roll } = options;
  const now = options.now ?? ((): number => performance.now());
  let pending = new CollectedEntries();
  /** Of pending entries, and of those that come next. */
  let packed: readonly PackedLines[] = [];
  /** When the first pending entry was appended, on the clock of `now`; undefined until somebody asks. */
  let firstAppendedAt: number | undefined;
  /** The segment of the first pending entry. */
  let firstSegment = 0;
  /** The segment the next object begins in. An append often holds the days of several objects; it is read once for all. */
  let current: (Segment & { readonly appendedAt: number | undefined }) | undefined;

  const take = (): CollectedObject => {
    const taken = pending;
    pending = new CollectedEntries();
    const next = (taken.last?.sequence ?? 0) + 1;
    const within = packed.filter(({ firstSequence, entries }) => firstSequence + entries <= next);
    packed = packed.filter(({ firstSequence }) => firstSequence >= next);
    return taken.finish(within);
  };
  const closesBefore = (entry: LedgerEntry): boolean => {
    const { first } = pending;
    if (first === undefined) return false;
    if (pending.length >= roll.entries || pending.rawBytes + entry.rawBytes > roll.bytes) return true;
    if (!roll.byDay) return false;
    const [dayStart, dayEnd] = archiveDayBounds(first.createdAt);
    return entry.createdAt < dayStart || entry.createdAt >= dayEnd;
  };

  /** What a segment holds from a sequence upward; undefined at the head. */
  const readFrom = async (sequence: number): Promise<typeof current> => {
    const first = current?.entries[0]?.sequence;
    if (first === undefined || sequence < first || sequence > (current?.lastSequence ?? 0)) {
      const segment = await readAppendedFrom(ledger, follower, sequence);
      const appendedAt = segment?.ageMs === undefined ? undefined : now() - segment.ageMs;
      current = segment === undefined ? undefined : { ...segment, appendedAt };
      const after = packed.at(-1)?.firstSequence ?? 0;
      packed = [...packed, ...(segment?.packed ?? []).filter(({ firstSequence }) => firstSequence > after)];
    }
    return current;
  };

  return {
    async next({ after, flush, signal }): Promise<CollectedObject | undefined> {
      // Whatever moved the offset in the meantime, what is pending must be what comes after it.
      if (pending.first !== undefined && pending.first.sequence !== after + 1) take();
      for (;;) {
        const from = (pending.last?.sequence ?? after) + 1;
        const segment = await readFrom(from);
        if (segment === undefined) break;
        const { entries } = segment;
        for (let place = from - (entries[0]?.sequence ?? from); place < entries.length; place += 1) {
          const entry = entries[place] as LedgerEntry;
          if (closesBefore(entry)) return take();
          if (pending.first === undefined) {
            firstAppendedAt = segment.appendedAt;
            firstSegment = segment.firstSequence;
          }
          pending.add(entry);
        }
        current = undefined;
        await pending.packLong(packed, { signal });
      }
      if (pending.first === undefined) return undefined;
      const isFull = pending.length >= roll.entries || pending.rawBytes >= roll.bytes;
      if (isFull || flush) return take();
      firstAppendedAt ??= now() - (await segmentAgeMs(ledger, follower.organization, firstSegment));
      return now() - firstAppendedAt >= roll.ageMs ? take() : undefined;
    },
  };
}
