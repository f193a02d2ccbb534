/**
 * Packing the lines of an append: one gzip member, in pieces that an archive's object may take over as they are. So pieces
 * end where objects do, at the end of a UTC day, and are not long, so that little is left over where one ends elsewhere.
 */
import { deflatePiece, gzipOfPieces, bytesBeforePieces, type PackedLines } from '../gzip-pieces.ts';
import { second, type Nanos } from '../time.ts';

const lineFeed = 0x0a;
const nanosPerDay = 86_400n * second;
/** The store is a buffer on the way to the sinks; from 4 on the time goes up more than the size goes down. */
const level = 3;
/** Shorter ones would pack worse than they are worth, so a day with less than that shares a piece with the next. */
const pieceBytesMin = 64 * 1024;
const pieceBytesMax = 512 * 1024;
/** Each takes 400 kB while it is packed, and there are no more than four threads for all of zlib. */
const piecesAtOnce = 3;

export interface PackedSegment {
  /** Every line with its line feed, gzipped. */
  readonly lines: Buffer;
  /** Eight bytes for each entry, big-endian nanoseconds. */
  readonly createdAt: Buffer;
  readonly rawBytes: number;
  /** What was packed. */
  readonly text: Buffer;
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

export async function packSegment(entries: readonly PackableEntry[]): Promise<PackedSegment> {
  const createdAt = Buffer.allocUnsafe(entries.length * 8);
  for (const [index, entry] of entries.entries()) createdAt.writeBigInt64BE(entry.createdAt, index * 8);
  const text = joinLines(entries);
  const ranges = piecesOf(entries);
  const deflated = await deflateAll(text, ranges);
  const lines = gzipOfPieces(deflated, [text]);
  let end = bytesBeforePieces;
  const pieces = ranges.flatMap(({ first, entries: held, from, to }, index): SegmentPiece[] => {
    const start = end;
    end += deflated[index]?.length ?? 0;
    const bytes = to - from;
    return bytes < pieceBytesMin
      ? []
      : [{ first, entries: held, bytes, deflated: lines.subarray(start, end) }];
  });
  return { lines, createdAt, rawBytes: text.length - entries.length, text, pieces };
}

/** Every line with its line feed, in memory of their own: not in a pool, where they would hold on to their neighbours. */
function joinLines(entries: readonly PackableEntry[]): Buffer {
  const text = Buffer.allocUnsafeSlow(entries.reduce((bytes, { raw }) => bytes + raw.length + 1, 0));
  let end = 0;
  for (const { raw } of entries) {
    text.set(raw, end);
    end += raw.length;
    text[end] = lineFeed;
    end += 1;
  }
  return text;
}

interface PieceRange {
  readonly first: number;
  entries: number;
  /** In the text. */
  readonly from: number;
  to: number;
}

function piecesOf(entries: readonly PackableEntry[]): PieceRange[] {
  const pieces: PieceRange[] = [];
  let piece: PieceRange | undefined;
  let day = 0n;
  let nextDay = 0n;
  let place = 0;
  for (const [index, { raw, createdAt }] of entries.entries()) {
    const bytes = piece === undefined ? 0 : piece.to - piece.from;
    const isSameDay = createdAt >= day && createdAt < nextDay;
    if (!isSameDay) {
      day = createdAt - (createdAt % nanosPerDay);
      nextDay = day + nanosPerDay;
    }
    if (piece === undefined || (bytes >= pieceBytesMin && !isSameDay) || bytes >= pieceBytesMax) {
      piece = { first: index, entries: 0, from: place, to: place };
      pieces.push(piece);
    }
    place += raw.length + 1;
    piece.entries += 1;
    piece.to = place;
  }
  return pieces;
}

async function deflateAll(text: Buffer, ranges: readonly PieceRange[]): Promise<Buffer[]> {
  const deflated: Buffer[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next; index < ranges.length; index = next) {
      next += 1;
      const { from, to } = ranges[index] as PieceRange;
      deflated[index] = await deflatePiece(text.subarray(from, to), level);
    }
  };
  await Promise.all(Array.from({ length: piecesAtOnce }, work));
  return deflated;
}
