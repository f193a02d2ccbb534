/**
 * Entries whose text is let go, since a packed piece holds it. Whoever asks for it all the same gets it unpacked, on this
 * thread: a sink that does not take over what is packed, or looks at the content of an object that is there already.
 */
import { hash } from 'node:crypto';
import { inflatePiece, type PackedLines } from '../gzip-pieces.ts';
import { idOf } from '../ledger/entry-id.ts';
import type { LedgerEntry } from '../ledger/ledger-entry.ts';
import type { Nanos } from '../time.ts';

/** An entry as a sink that makes objects gets it. */
export type CollectedEntry = Pick<
  LedgerEntry,
  'sequence' | 'createdAt' | 'raw' | 'rawBytes' | 'sha256' | 'id'
>;

/** What of an object was unpacked last. */
export interface LatestText {
  of: PieceText | undefined;
  text: Buffer;
}

/** The same entries without their text, which `pieces` hold, all of it, in order. `latest` is shared by those of one object. */
export function* packedEntries(
  entries: readonly CollectedEntry[],
  pieces: readonly PackedLines[],
  latest: LatestText,
): Generator<CollectedEntry> {
  let place = 0;
  for (const piece of pieces) {
    const text = new PieceText(piece, latest);
    let start = 0;
    for (const end = place + piece.entries; place < end; place += 1) {
      const entry = entries[place] as CollectedEntry;
      yield new PackedEntry(entry, text, start);
      start += entry.rawBytes + 1;
    }
  }
}

/** The text of one piece, unpacked for who asks for it: who reads entries in order has each unpacked once. */
class PieceText {
  readonly #piece: PackedLines;
  readonly #latest: LatestText;

  constructor(piece: PackedLines, latest: LatestText) {
    this.#piece = piece;
    this.#latest = latest;
  }

  /** The text. */
  unpacked(): Buffer {
    if (this.#latest.of !== this) {
      this.#latest.text = inflatePiece(this.#piece);
      this.#latest.of = this;
    }
    return this.#latest.text;
  }
}

class PackedEntry implements CollectedEntry {
  readonly sequence: number;
  readonly createdAt: Nanos;
  readonly rawBytes: number;
  private readonly text: PieceText;
  private readonly start: number;

  /** `start`: of its text in that of the piece. */
  constructor({ sequence, createdAt, rawBytes }: CollectedEntry, text: PieceText, start: number) {
    this.sequence = sequence;
    this.createdAt = createdAt;
    this.rawBytes = rawBytes;
    this.text = text;
    this.start = start;
  }

  get raw(): Buffer {
    return this.text.unpacked().subarray(this.start, this.start + this.rawBytes);
  }

  get sha256(): Buffer {
    return hash('sha256', this.raw, 'buffer');
  }

  get id(): string {
    return idOf(this);
  }
}
