/**
 * Collects the entries of the next archive object and says when it is full: at its count or bytes, at its age, or
 * where the next entry is of another day. What it holds is bounded by the roll; the rest stays in the ledger.
 */
import type { Roll } from '../../sinks/sink.ts';
import { archiveDay } from '../archive/layout.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { readSegmentFrom, type LedgerEntry } from '../ledger/segments.ts';

export interface ObjectRoll {
  /**
   * Reads on from the ledger. Resolves to the entries of the object where it is full, or old enough, or `flush` asks
   * for what there is; undefined where it has to wait for more.
   */
  next(options: {
    readonly after: number;
    readonly flush: boolean;
  }): Promise<readonly LedgerEntry[] | undefined>;
}

export function createObjectRoll(options: {
  readonly ledger: Ledger;
  readonly organization: number;
  readonly roll: Roll;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}): ObjectRoll {
  const { ledger, organization, roll } = options;
  const now = options.now ?? ((): number => performance.now());
  let pending: LedgerEntry[] = [];
  let bytes = 0;
  /** When the first pending entry was appended, on the clock of `now`. */
  let firstAppendedAt = 0;

  const take = (): readonly LedgerEntry[] => {
    const taken = pending;
    pending = [];
    bytes = 0;
    return taken;
  };
  const closesBefore = (entry: LedgerEntry): boolean => {
    const first = pending[0];
    if (first === undefined) return false;
    if (pending.length >= roll.entries || bytes + entry.raw.length > roll.bytes) return true;
    return roll.byDay && archiveDay(entry.createdAt) !== archiveDay(first.createdAt);
  };

  return {
    async next({ after, flush }): Promise<readonly LedgerEntry[] | undefined> {
      // Whatever moved the offset in the meantime, what is pending must be what comes after it.
      if (pending[0] !== undefined && pending[0].sequence !== after + 1) take();
      for (;;) {
        const from = (pending.at(-1)?.sequence ?? after) + 1;
        const segment = await readSegmentFrom(ledger, organization, from);
        if (segment === undefined) break;
        for (const entry of segment.entries) {
          if (closesBefore(entry)) return take();
          if (pending.length === 0) firstAppendedAt = now() - segment.ageMs;
          pending.push(entry);
          bytes += entry.raw.length;
        }
      }
      if (pending.length === 0) return undefined;
      const isFull = pending.length >= roll.entries || bytes >= roll.bytes;
      return isFull || flush || now() - firstAppendedAt >= roll.ageMs ? take() : undefined;
    },
  };
}
