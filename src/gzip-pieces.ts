/**
 * Gzip made of pieces that can be taken apart: a segment of the ledger is one member of them, and an archive's object that
 * holds the lines of some is put together of these, without packing its text once more, or having it at hand.
 *
 *     segment   start │ piece │ piece │ piece │ end
 *     object          start │ piece │ piece │ what no piece holds │ end
 *
 * A piece is DEFLATE data that refers to nothing before it, ends at a byte and is not marked as the last. So any pieces in a
 * row, an empty last block and the checksum of their text are one member, as strict a reader as may look at it.
 * Formats: https://www.rfc-editor.org/rfc/rfc1951, https://www.rfc-editor.org/rfc/rfc1952
 */
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, inflateRawSync } from 'node:zlib';
import { joinedCrc32 } from './joined-crc32.ts';

export interface Piece {
  readonly deflated: Buffer;
  /** Length and checksum of its text. */
  readonly bytes: number;
  readonly crc32: number;
}

/** Lines in a row, each with its line feed, as one piece. */
export interface PackedLines extends Piece {
  /** Of the first line. */
  readonly firstSequence: number;
  /** How many lines, at least one. */
  readonly entries: number;
}

const deflateAsync = promisify(deflateRaw);
/** Each chunk is a turn of the main thread; text like that of an audit log needs one or two for a mebibyte. */
const chunkSize = 256 * 1024;
/** Deflate, no flags, no time, no hint, unknown system. */
const start = Buffer.from('1f8b08000000000000ff', 'hex');
/** A last block with nothing in it. */
const lastBlock = Buffer.from('0300', 'hex');

/** Packs text off the main thread. `level` is zlib's, from 1 to 9. */
export async function deflatePiece(text: Buffer, level: number): Promise<Piece> {
  const { Z_FULL_FLUSH: finishFlush, Z_MAX_MEMLEVEL: memLevel } = constants;
  const deflated = await deflateAsync(text, { level, memLevel, finishFlush, chunkSize });
  return { deflated, bytes: text.length, crc32: crc32(text) };
}

/** The text of a piece, on this thread. Throws where it is not what the piece says. */
export function inflatePiece(piece: Piece): Buffer {
  let text: Buffer | undefined;
  let cause: unknown;
  try {
    text = inflateRawSync(piece.deflated, {
      finishFlush: constants.Z_SYNC_FLUSH,
      // One chunk for all of it, with room for zlib to see its end; it works with no less than 64.
      chunkSize: Math.max(piece.bytes + 1, 64),
      maxOutputLength: Math.max(piece.bytes, 64),
    });
  } catch (error) {
    cause = error;
  }
  if (text?.length === piece.bytes && crc32(text) === piece.crc32) return text;
  throw new Error('A packed piece of text no longer holds what it held.', { cause });
}

/** One gzip member of pieces. */
export function gzipOfPieces(pieces: readonly Piece[]): Buffer {
  let sum = 0;
  let length = 0;
  for (const { bytes, crc32: own } of pieces) {
    sum = joinedCrc32(sum, own, bytes);
    length += bytes;
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(sum, 0);
  trailer.writeUInt32LE(length % 2 ** 32, 4);
  return Buffer.concat([start, ...pieces.map(({ deflated }) => deflated), lastBlock, trailer]);
}

/** How many bytes of a member of pieces stand before the first. */
export const bytesBeforePieces: number = start.length;
