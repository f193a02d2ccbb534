import type { Nanos } from '../time.ts';
import { idOf } from './entry-id.ts';
import type { LineHashes } from './line-hashes.ts';

/**
 * An entry as the ledger holds it, and as sinks get it. Thousands of them wait at once, so what is only looked at for a
 * moment, if at all, is made then: the id is found in the text, and the hash is a view.
 */
export class LedgerEntry {
  readonly sequence: number;
  readonly createdAt: Nanos;
  readonly raw: Buffer;
  // Not `#hashes`: private names make each entry 1 µs dearer.
  private readonly hashes: LineHashes;
  private readonly index: number;

  /** The hash of `raw` stands in `hashes` at `index`. */
  constructor(
    sequence: number,
    line: { readonly raw: Buffer; readonly createdAt: Nanos },
    hash: { readonly hashes: LineHashes; readonly index: number },
  ) {
    this.sequence = sequence;
    this.createdAt = line.createdAt;
    this.raw = line.raw;
    this.hashes = hash.hashes;
    this.index = hash.index;
  }

  get rawBytes(): number {
    return this.raw.length;
  }

  /** SHA-256 of `raw`. */
  get sha256(): Buffer {
    return this.hashes.at(this.index);
  }

  /** The API's id, verbatim; `idOf` says what an entry without one has. */
  get id(): string {
    return idOf(this);
  }
}
