/**
 * The entries of an archive object while they are collected and written. An object may hold as much text as `roll.bytes`
 * says, and a sink that packs asks for none of what is packed already. So text is packed as it gets long, its sums are taken
 * then, and it is let go; whoever asks for it all the same gets it unpacked:
 *
 *     packed, in the sums │ packed, in the sums │ text of the last segments
 */
import { ContentSum } from '../archive/archive-content.ts';
import { MerkleRoot } from '../archive/digest/merkle.ts';
import { packRuns, runsOf } from '../archive/packed-runs.ts';
import type { PackedLines } from '../gzip-pieces.ts';
import type { ObjectEvidence } from '../ledger/objects.ts';
import { packedEntries, type CollectedEntry, type LatestText } from './packed-entry.ts';

export interface CollectedObject {
  readonly entries: readonly CollectedEntry[];
  /** Those of its lines, in order, that are packed already. */
  readonly packed: readonly PackedLines[];
  /** Of all `raw`. */
  readonly rawBytes: number;
  /** SHA-256 over the lines, each with its line feed. */
  readonly contentSha256: Buffer;
  /** Made when it is asked for. */
  evidence(): ObjectEvidence;
}

/** Objects of a day with less are written as they were read. */
const textBytesMax = 2 * 1024 * 1024;

export class CollectedEntries {
  readonly #content = new ContentSum();
  readonly #tree = new MerkleRoot();
  readonly #pieces: PackedLines[] = [];
  readonly #latest: LatestText = { of: undefined, text: Buffer.alloc(0) };
  /** Packed, and in the sums. */
  readonly #packed: CollectedEntry[] = [];
  #text: CollectedEntry[] = [];
  #textBytes = 0;
  #rawBytes = 0;
  /** Of the first entry, and of the last one without text: nothing has to be unpacked for them. */
  #firstId: string | undefined;
  #lastPackedId: string | undefined;

  get length(): number {
    return this.#packed.length + this.#text.length;
  }

  get first(): CollectedEntry | undefined {
    return this.#packed[0] ?? this.#text[0];
  }

  get last(): CollectedEntry | undefined {
    return this.#text.at(-1) ?? this.#packed.at(-1);
  }

  /** Of all `raw`. */
  get rawBytes(): number {
    return this.#rawBytes;
  }

  add(entry: CollectedEntry): void {
    this.#firstId ??= entry.id;
    this.#text.push(entry);
    this.#textBytes += entry.rawBytes;
    this.#rawBytes += entry.rawBytes;
  }

  /** Lets go of the text where it is long. `packed`: lines of these entries, and of others, that are packed already. */
  async packLong(packed: readonly PackedLines[], options: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#textBytes < textBytesMax) return;
    const entries = this.#text;
    const pieces = await packRuns(runsOf(entries, packed), options);
    // What may fail comes before anything is changed: the same entries may be packed again.
    const lastId = entries.at(-1)?.id;
    this.#content.add(entries);
    for (const { sha256 } of entries) this.#tree.add(sha256);
    this.#pieces.push(...pieces);
    this.#lastPackedId = lastId;
    for (const entry of packedEntries(entries, pieces, this.#latest)) this.#packed.push(entry);
    this.#text = [];
    this.#textBytes = 0;
  }

  /** All that was added; nothing more may be. */
  finish(packed: readonly PackedLines[] = []): CollectedObject {
    const text = this.#text;
    this.#content.add(text);
    const from = text[0]?.sequence ?? Number.POSITIVE_INFINITY;
    let evidence: ObjectEvidence | undefined;
    return {
      entries: [...this.#packed, ...text],
      packed: [...this.#pieces, ...packed.filter(({ firstSequence }) => firstSequence >= from)],
      rawBytes: this.#rawBytes,
      contentSha256: this.#content.sum().sha256,
      evidence: () => (evidence ??= this.#evidenceWith(text)),
    };
  }

  #evidenceWith(text: readonly CollectedEntry[]): ObjectEvidence {
    const { first, last } = this;
    const firstId = this.#firstId;
    const lastId = text.at(-1)?.id ?? this.#lastPackedId;
    if (first === undefined || last === undefined || firstId === undefined || lastId === undefined)
      throw new TypeError('an object has at least one entry');
    for (const { sha256 } of text) this.#tree.add(sha256);
    return {
      merkleRoot: this.#tree.root(),
      firstCreatedAt: first.createdAt,
      lastCreatedAt: last.createdAt,
      firstId,
      lastId,
    };
  }
}
