/**
 * What this process appended last, kept for its deliveries: a sink that follows the reader closely is fed from memory
 * instead of from the segment that was written a moment ago. Only what is committed is kept, and a sequence's content never
 * changes, so it makes no difference to what is delivered. Bounded; what was let go is read from the store.
 *
 * Unpacking and hashing a segment again takes 17 µs for an entry of 1 kB, for each sink, besides asking the database for it.
 * So an append waits a moment for the sink that follows most closely and would be left behind for good: who reads old
 * segments while new ones are appended never catches up. One that does not move within that moment is not waited for
 * again until it has caught up, and none is waited for where another is further: a sink holds back only itself.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { PackedLines } from '../gzip-pieces.ts';
import { copyOfLines } from '../line-blocks.ts';
import type { Nanos } from '../time.ts';
import { LedgerEntry } from './ledger-entry.ts';
import { LineHashes } from './line-hashes.ts';
import type { SegmentPiece } from './packed-segment.ts';
import type { Segment } from './segments.ts';

/** Of raw text, for all organizations together: two or three full appends. What is packed comes on top, mostly a quarter of it. */
const bytesMaxDefault = 8 * 1024 * 1024;

export interface AppendedEntries {
  readonly organization: number;
  readonly firstSequence: number;
  readonly entries: readonly {
    readonly raw: Buffer;
    readonly createdAt: Nanos;
    writeLineSha256(into: Uint8Array, place: number): void;
  }[];
  /** Of the segment that was made of them. */
  readonly pieces: readonly SegmentPiece[];
}

interface Kept {
  readonly organization: number;
  readonly firstSequence: number;
  readonly bytes: number;
  readonly entries: readonly LedgerEntry[];
  readonly packed: readonly PackedLines[];
}

/** One delivery, as far as it is fed from here. */
export interface Follower {
  readonly organization: number;
  /** The next sequence it asks for. */
  next: number;
  /** Whether it was last fed from here, or had everything. */
  isClose: boolean;
}

export function createFollower(organization: number): Follower {
  return { organization, next: 0, isClose: false };
}

/** How long an append waits, at most, for those that follow it. */
const waitMsMax = 1000;
const waitStepMs = 5;

export class RecentSegments {
  readonly #bytesMax: number;
  readonly #followers = new Set<Follower>();
  /** The oldest first. */
  #kept: Kept[] = [];
  #bytes = 0;

  constructor(bytesMax: number = bytesMaxDefault) {
    this.#bytesMax = bytesMax;
  }

  /** While `body` runs, appends wait for the follower where it is close. */
  async followed<T>(follower: Follower, body: () => Promise<T>): Promise<T> {
    follower.isClose = false;
    this.#followers.add(follower);
    try {
      return await body();
    } finally {
      this.#followers.delete(follower);
    }
  }

  /**
   * Waits, not long, while `keep` of so many bytes would let go what all close followers still need. Where one of them is
   * further, nobody waits: a slow sink holds back no other.
   */
  async makeRoom(organization: number, bytes: number): Promise<void> {
    const deadline = performance.now() + waitMsMax;
    for (;;) {
      const close = [...this.#followers].filter((one) => one.isClose && one.organization === organization);
      const last = this.#lastToGo(organization, bytes);
      if (close.length === 0 || close.some(({ next }) => next > last)) return;
      if (performance.now() >= deadline) {
        for (const follower of close) follower.isClose = false;
        return;
      }
      await delay(waitStepMs);
    }
  }

  /** The last sequence of an organization that goes when so many bytes come; 0: none. */
  #lastToGo(organization: number, bytes: number): number {
    if (bytes > this.#bytesMax) return 0;
    let excess = this.#bytes + bytes - this.#bytesMax;
    let last = 0;
    for (const kept of this.#kept) {
      if (excess <= 0) break;
      excess -= kept.bytes;
      if (kept.organization === organization) last = kept.firstSequence + kept.entries.length - 1;
    }
    return last;
  }

  /** To be called after the commit. What is larger than all that may be kept is not kept. */
  keep(appended: AppendedEntries): void {
    if (appended.entries.length === 0) return;
    const { organization, firstSequence } = appended;
    const { text, held } = memoryOf(appended.entries);
    const isTheirs = held <= text * (1 + besidesMax);
    const bytes = isTheirs ? held : text;
    if (bytes > this.#bytesMax) return;
    const entries = ownEntries(appended, { isTheirs });
    const packed = appended.pieces.map(({ first, ...piece }) => ({
      ...piece,
      firstSequence: firstSequence + first,
    }));
    this.#kept.push({ organization, firstSequence, bytes, entries, packed });
    this.#bytes += bytes;
    while (this.#bytes > this.#bytesMax) this.#bytes -= this.#kept.shift()?.bytes ?? 0;
  }

  /** The entries from `sequence` upward that one append brought; undefined where it is not kept. */
  from(organization: number, sequence: number): Segment | undefined {
    const kept = this.#kept.findLast(
      (one) =>
        one.organization === organization &&
        one.firstSequence <= sequence &&
        sequence < one.firstSequence + one.entries.length,
    );
    if (kept === undefined) return undefined;
    return {
      firstSequence: kept.firstSequence,
      lastSequence: kept.firstSequence + kept.entries.length - 1,
      ageMs: undefined,
      entries: kept.entries.slice(sequence - kept.firstSequence),
      packed: kept.packed,
    };
  }
}

/** Memory that entries may hold on to beside their own text, for each of its bytes. */
const besidesMax = 0.25;

/**
 * What a reader appends are views into whole pages, and mostly all of a page is new. But one new entry of a thousand that the
 * overlap repeats would keep all of its page, and the bound would bound nothing: where the memory is not theirs, their text is
 * copied.
 */
function ownEntries(
  { firstSequence, entries }: AppendedEntries,
  { isTheirs }: { readonly isTheirs: boolean },
): LedgerEntry[] {
  const copy = isTheirs ? undefined : copyOfLines(entries, 0, entries.length);
  const hashes = new LineHashes(entries.length);
  let start = 0;
  return entries.map((entry, index) => {
    const end = start + entry.raw.length;
    const raw = copy?.subarray(start, end) ?? entry.raw;
    start = end + 1;
    hashes.take(index, entry);
    return new LedgerEntry(firstSequence + index, { raw, createdAt: entry.createdAt }, { hashes, index });
  });
}

/** The bytes of the entries' text, with a line feed each, and of all the memory that it lies in. */
function memoryOf(entries: readonly { readonly raw: Buffer }[]): {
  readonly text: number;
  readonly held: number;
} {
  let text = 0;
  let held = 0;
  let memory: ArrayBufferLike | undefined;
  for (const { raw } of entries) {
    text += raw.length + 1;
    if (raw.buffer === memory) continue;
    memory = raw.buffer;
    held += memory.byteLength;
  }
  return { text, held };
}
