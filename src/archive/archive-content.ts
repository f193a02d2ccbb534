/**
 * What an entries object holds: one line per entry, the raw text and a line break, packed as one gzip member.
 * Everything is done a block at a time, because an object may hold a page of any size.
 */
import { createHash } from 'node:crypto';
import type { HeldDifference, SinkBatch, SinkEntry } from '../../sinks/sink.ts';
import { gzipOfPieces } from '../gzip-pieces.ts';
import { lineFeed, lineTexts } from '../line-blocks.ts';
import { gzipBlocks, GzipMemberError, readGzipMember } from './gzip-member.ts';
import { packRuns, runsOf } from './packed-runs.ts';

export interface PackedEntries {
  readonly stored: Buffer;
  readonly content: ContentSummary;
}

/** Identifies the unpacked content, however it was packed. */
export interface ContentSummary {
  readonly sha256: Buffer;
  readonly bytes: number;
}

interface ReadOptions {
  readonly signal: AbortSignal;
}

/** Packs entries; another build of zlib, or lines that were packed before, make other bytes of the same entries. */
export async function packEntries(
  { entries, packed = [] }: Pick<SinkBatch, 'entries' | 'packed'>,
  options: ReadOptions,
): Promise<PackedEntries> {
  const runs = runsOf(entries, packed);
  const isPackedInPart = runs.some((run) => run.packed !== undefined);
  const stored = isPackedInPart
    ? gzipOfPieces(await packRuns(runs, options))
    : await gzipBlocks(lineTexts(entries), options);
  let content: ContentSummary | undefined;
  return {
    stored,
    // Only an object that is there already is compared with it: hashing costs as much as a whole pass over the text.
    get content(): ContentSummary {
      return (content ??= summarize(entries));
    },
  };
}

/** The content of entries that come one after another, whose text need not be kept for it. */
export class ContentSum {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  add(entries: readonly Pick<SinkEntry, 'raw'>[]): void {
    // A block at a time: a call for every entry and line break costs more than the hashing.
    for (const text of lineTexts(entries)) {
      this.#hash.update(text);
      this.#bytes += text.length;
    }
  }

  /** Of all that was added; more may be added after. */
  sum(): ContentSummary {
    return { sha256: this.#hash.copy().digest(), bytes: this.#bytes };
  }
}

export function summarize(entries: readonly Pick<SinkEntry, 'raw'>[]): ContentSummary {
  const content = new ContentSum();
  content.add(entries);
  return content.sum();
}

/** Whether stored bytes are one gzip member, and nothing more, of exactly this content. */
export async function holdsContent(
  stored: Buffer,
  content: ContentSummary,
  options: ReadOptions,
): Promise<boolean> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of readGzipMember(stored, { contentBytesMax: content.bytes, ...options })) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    if (error instanceof GzipMemberError) return false;
    throw error;
  }
  return bytes === content.bytes && hash.digest().equals(content.sha256);
}

/** The content, which must be `bytes` long; undefined for anything but one whole gzip member of that. */
export async function unpackContent(
  stored: Buffer,
  bytes: number,
  options: ReadOptions,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of readGzipMember(stored, { contentBytesMax: bytes, ...options }))
      chunks.push(chunk);
  } catch (error) {
    if (error instanceof GzipMemberError) return undefined;
    throw error;
  }
  const content = Buffer.concat(chunks);
  return content.length === bytes ? content : undefined;
}

export interface LinePlace {
  /** Counted from 0. */
  readonly index: number;
  readonly sha256: Buffer;
}

/** Whether the line at a place has this SHA-256. False also for bytes that are not one whole gzip member. */
export async function holdsLine(
  stored: Buffer,
  line: LinePlace,
  options: ReadOptions & { readonly contentBytesMax: number },
): Promise<boolean> {
  let index = 0;
  let isHeld = false;
  try {
    for await (const sha256 of lineHashes(readGzipMember(stored, options))) {
      // The rest is read too: only the end tells whether the object is whole.
      if (index === line.index) isHeld = sha256.equals(line.sha256);
      index += 1;
    }
  } catch (error) {
    if (error instanceof GzipMemberError) return false;
    throw error;
  }
  return isHeld;
}

/**
 * Those of the entries, in the order of sequence, whose line is missing or another one; undefined for bytes that are not one
 * whole gzip member.
 */
export async function differingLines(
  stored: Buffer,
  expected: ReadOptions & {
    readonly contentBytesMax: number;
    /** The first line's. */
    readonly firstSequence: number;
    readonly entries: readonly { readonly sequence: number; readonly sha256: Buffer }[];
  },
): Promise<HeldDifference[] | undefined> {
  const { entries } = expected;
  const differences: HeldDifference[] = [];
  let sequence = expected.firstSequence;
  let place = 0;
  try {
    for await (const sha256 of lineHashes(readGzipMember(stored, expected))) {
      while ((entries[place]?.sequence ?? sequence) < sequence) place += 1;
      const entry = entries[place];
      if (entry?.sequence === sequence && !sha256.equals(entry.sha256))
        differences.push({ sequence, kind: 'altered' });
      sequence += 1;
    }
  } catch (error) {
    if (error instanceof GzipMemberError) return undefined;
    throw error;
  }
  const beyond = entries.filter((entry) => entry.sequence >= sequence);
  return [
    ...differences,
    ...beyond.map((entry): HeldDifference => ({ sequence: entry.sequence, kind: 'missing' })),
  ];
}

/** The SHA-256 of each line, without its line break, in order; holds no line in memory. */
export async function* lineHashes(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let hash = createHash('sha256');
  for await (const chunk of content) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      yield hash.update(chunk.subarray(start, end)).digest();
      hash = createHash('sha256');
      start = end + 1;
    }
    hash.update(chunk.subarray(start));
  }
}
