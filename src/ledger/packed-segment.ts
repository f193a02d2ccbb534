/**
 * Packing the lines of an append: one gzip member, in pieces that an archive's object may take over as they are. So pieces
 * end where objects do, at the end of a UTC day, and are not long, so that little is left over where one ends elsewhere.
 */
import {
  bytesBeforePieces,
  deflatePiece,
  gzipOfPieces,
  type PackedLines,
  type Piece,
} from '../gzip-pieces.ts';
import { lineFeed, textOfLines } from '../line-blocks.ts';
import { second, type Nanos } from '../time.ts';

const nanosPerDay = 86_400n * second;
/** The store is a buffer on the way to the sinks; from 4 on the time goes up more than the size goes down. */
const level = 3;
/** Shorter ones would pack worse than they are worth, so a day with less than that shares a piece with the next. */
const pieceBytesMin = 64 * 1024;
const pieceBytesMax = 512 * 1024;
/** Memory of no more than that is copied to be packed: most of all Node's pool, of 8 or 64 KiB. */
const smallBytesMax = Math.max(pieceBytesMin, Buffer.poolSize);
/** Each takes 400 kB while it is packed, and there are no more than four threads for all of zlib. */
const piecesAtOnce = 3;

export interface PackedSegment {
  /** Every line with its line feed, gzipped. */
  readonly lines: Buffer;
  /** Eight bytes for each entry, big-endian nanoseconds. */
  readonly createdAt: Buffer;
  readonly rawBytes: number;
  /** Views into `lines`, in order, of those pieces that are long enough to be of use elsewhere. */
  readonly pieces: readonly SegmentPiece[];
}

export interface SegmentPiece extends Omit<PackedLines, 'firstSequence'> {
  /** The place of its first entry in the segment, from 0. */
  readonly first: number;
}

interface PackableEntry {
  readonly raw: Buffer;
  readonly createdAt: Nanos;
}

/** Throws a TypeError for what is no line: nobody could tell where its entry ends. */
export async function packSegment(entries: readonly PackableEntry[]): Promise<PackedSegment> {
  if (entries.some(({ raw }) => raw.includes(lineFeed))) throw new TypeError('a line holds a line break');
  const createdAt = timesOf(entries);
  const ranges = piecesOf(entries);
  const texts = ranges.map(({ first, entries: held }) => textOfLines(entries, first, first + held));
  const packed = await deflateAll(texts);
  const lines = gzipOfPieces(packed);
  let end = bytesBeforePieces;
  const pieces = ranges.flatMap(({ first, entries: held, bytes }, index): SegmentPiece[] => {
    const piece = packed[index] as Piece;
    const start = end;
    end += piece.deflated.length;
    return bytes < pieceBytesMin
      ? []
      : [{ ...piece, first, entries: held, deflated: lines.subarray(start, end) }];
  });
  const rawBytes = ranges.reduce((sum, { bytes }) => sum + bytes, 0) - entries.length;
  return { lines, createdAt, rawBytes, pieces };
}

function timesOf(entries: readonly PackableEntry[]): Buffer {
  const times = Buffer.allocUnsafeSlow(entries.length * 8);
  // A buffer would make two more bigints of each.
  const view = new DataView(times.buffer);
  for (let index = 0; index < entries.length; index += 1)
    view.setBigInt64(index * 8, (entries[index] as PackableEntry).createdAt);
  return times;
}

interface PieceRange {
  readonly first: number;
  entries: number;
  /** Of its text. */
  bytes: number;
}

function piecesOf(entries: readonly PackableEntry[]): PieceRange[] {
  const pieces: PieceRange[] = [];
  let piece: PieceRange | undefined;
  let day = 0n;
  let nextDay = 0n;
  let memory: ArrayBufferLike | undefined;
  for (let index = 0; index < entries.length; index += 1) {
    const { raw, createdAt } = entries[index] as PackableEntry;
    const isSameDay = createdAt >= day && createdAt < nextDay;
    if (!isSameDay) {
      day = createdAt - (createdAt % nanosPerDay);
      nextDay = day + nanosPerDay;
    }
    // What lies in two pages would have to be copied to be packed.
    const isSamePlace = raw.buffer === memory || raw.buffer.byteLength <= smallBytesMax;
    memory = raw.buffer;
    const isWorthIt = piece !== undefined && piece.bytes >= pieceBytesMin;
    if (piece === undefined || (isWorthIt && !(isSameDay && isSamePlace)) || piece.bytes >= pieceBytesMax) {
      piece = { first: index, entries: 0, bytes: 0 };
      pieces.push(piece);
    }
    piece.bytes += raw.length + 1;
    piece.entries += 1;
  }
  return pieces;
}

async function deflateAll(texts: readonly Buffer[]): Promise<Piece[]> {
  const packed: Piece[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next; index < texts.length; index = next) {
      next += 1;
      packed[index] = await deflatePiece(texts[index] as Buffer, level);
    }
  };
  await Promise.all(Array.from({ length: piecesAtOnce }, work));
  return packed;
}
