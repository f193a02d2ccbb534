/**
 * Gzip, written and read strictly. Node's own `gunzip` takes any number of members and ignores what follows the
 * last, so bytes appended to an object would pass unseen; this reader takes exactly one member and nothing else.
 * Format: https://www.rfc-editor.org/rfc/rfc1952
 */
import { finished } from 'node:stream/promises';
import { constants, crc32, createGzip, createInflateRaw, type Gzip } from 'node:zlib';

/** The bytes are not exactly one whole gzip member, or unpack to more than was allowed. */
export class GzipMemberError extends Error {
  override readonly name = 'GzipMemberError';
}

export interface ReadGzipOptions {
  /** Gives up when more than this many bytes come out. */
  readonly contentBytesMax: number;
  readonly signal: AbortSignal;
}

const chunkSize = 256 * 1024;
const trailerBytes = 8;
const flags = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;

/** The most that gzip makes of this many bytes: stored blocks, header and trailer, rounded up. */
export function gzipBytesMax(contentBytes: number): number {
  return contentBytes + Math.ceil(contentBytes / 1000) + 1024;
}

/** Packs blocks into one member, off the main thread, holding one block and the packed bytes. */
export async function gzipBlocks(
  blocks: Iterable<Buffer>,
  options: { signal: AbortSignal },
): Promise<Buffer> {
  const gzip = createGzip({
    level: constants.Z_DEFAULT_COMPRESSION,
    memLevel: constants.Z_MAX_MEMLEVEL,
    chunkSize,
  });
  const packed: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => packed.push(chunk));
  try {
    await Promise.all([feed(gzip, blocks, options.signal), finished(gzip, { signal: options.signal })]);
  } finally {
    gzip.destroy();
  }
  return Buffer.concat(packed);
}

/** Yields the content of a single member, a piece at a time. Throws a GzipMemberError, at the latest at the end. */
export async function* readGzipMember(stored: Buffer, options: ReadGzipOptions): AsyncGenerator<Buffer> {
  const start = headerBytes(stored);
  const inflate = createInflateRaw({ chunkSize });
  let sum = 0;
  let length = 0;
  try {
    inflate.end(stored.subarray(start));
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      options.signal.throwIfAborted();
      sum = crc32(chunk, sum);
      length += chunk.length;
      if (length > options.contentBytesMax) throw new GzipMemberError('It unpacks to more than expected.');
      yield chunk;
    }
  } catch (error) {
    throw isZlibError(error) ? new GzipMemberError('It does not unpack.', { cause: error }) : error;
  } finally {
    inflate.destroy();
  }
  checkTrailer(stored, { trailerStart: start + inflate.bytesWritten, sum, length });
}

async function feed(gzip: Gzip, blocks: Iterable<Buffer>, signal: AbortSignal): Promise<void> {
  for (const block of blocks) {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      gzip.write(block, (error) => (error ? reject(error) : resolve()));
    });
  }
  gzip.end();
}

function checkTrailer(stored: Buffer, seen: { trailerStart: number; sum: number; length: number }): void {
  if (stored.length !== seen.trailerStart + trailerBytes) {
    throw new GzipMemberError('It is cut off, or there are bytes after its end.');
  }
  const sum = stored.readUInt32LE(seen.trailerStart);
  const length = stored.readUInt32LE(seen.trailerStart + 4);
  if (sum !== seen.sum || length !== seen.length % 2 ** 32) {
    throw new GzipMemberError('Its checksum does not match its content.');
  }
}

function headerBytes(stored: Buffer): number {
  const flag = stored[3];
  if (stored.length < 10 + trailerBytes || flag === undefined || stored.readUInt16BE(0) !== 0x1f8b) {
    throw new GzipMemberError('It is not gzip.');
  }
  if (stored[2] !== 8 || (flag & flags.reserved) !== 0) throw new GzipMemberError('It is not gzip.');
  let position = 10;
  if ((flag & flags.extra) !== 0) position += 2 + (stored.length >= 12 ? stored.readUInt16LE(10) : 0);
  if ((flag & flags.name) !== 0) position = afterZero(stored, position);
  if ((flag & flags.comment) !== 0) position = afterZero(stored, position);
  if ((flag & flags.headerCrc) !== 0) position += 2;
  if (position + trailerBytes > stored.length) throw new GzipMemberError('It is cut off.');
  return position;
}

function afterZero(stored: Buffer, position: number): number {
  const zero = stored.indexOf(0, position);
  if (zero === -1) throw new GzipMemberError('It is cut off.');
  return zero + 1;
}

function isZlibError(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('Z_');
}
