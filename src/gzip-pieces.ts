/**
 * Gzip made of pieces that can be taken apart: a segment of the ledger is one member of them, and an archive's object that
 * holds the lines of some is put together of these, without packing its text once more.
 *
 *     segment   start │ piece │ piece │ piece │ end
 *     object          start │ piece │ piece │ what no piece holds │ end
 *
 * A piece is DEFLATE data that refers to nothing before it, ends at a byte and is not marked as the last. So any pieces in a
 * row, an empty last block and the checksum of their text are one member, as strict a reader as may look at it.
 * Formats: https://www.rfc-editor.org/rfc/rfc1951, https://www.rfc-editor.org/rfc/rfc1952
 */
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';

/** Lines in a row, each with its line feed, as one piece. */
export interface PackedLines {
  /** Of the first line. */
  readonly firstSequence: number;
  /** How many lines, at least one. */
  readonly entries: number;
  /** Of their text, line feeds included. */
  readonly bytes: number;
  readonly deflated: Buffer;
}

const deflateAsync = promisify(deflateRaw);
/** Each chunk is a turn of the main thread; text like that of an audit log needs one or two for a mebibyte. */
const chunkSize = 256 * 1024;
/** Deflate, no flags, no time, no hint, unknown system. */
const start = Buffer.from('1f8b08000000000000ff', 'hex');
/** A last block with nothing in it. */
const lastBlock = Buffer.from('0300', 'hex');

/** Packs text off the main thread. `level` is zlib's, from 1 to 9. */
export async function deflatePiece(text: Buffer, level: number): Promise<Buffer> {
  const { Z_FULL_FLUSH: finishFlush, Z_MAX_MEMLEVEL: memLevel } = constants;
  return await deflateAsync(text, { level, memLevel, finishFlush, chunkSize });
}

/** One gzip member of pieces, which must be those of `content`. */
export function gzipOfPieces(pieces: readonly Buffer[], content: Iterable<Buffer>): Buffer {
  let sum = 0;
  let bytes = 0;
  for (const block of content) {
    // Of no bytes at all Node's sum is 0, whatever came before.
    if (block.length === 0) continue;
    sum = crc32(block, sum);
    bytes += block.length;
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(sum, 0);
  trailer.writeUInt32LE(bytes % 2 ** 32, 4);
  return Buffer.concat([start, ...pieces, lastBlock, trailer]);
}

/** How many bytes of a member of pieces stand before the first. */
export const bytesBeforePieces: number = start.length;
