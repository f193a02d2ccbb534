import { execFileSync } from 'node:child_process';
import { gunzipSync, inflateRawSync, constants } from 'node:zlib';
import { array, assert, asyncProperty, integer, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGzipMember } from '../src/archive/gzip-member.ts';
import {
  bytesBeforePieces,
  deflatePiece,
  gzipOfPieces,
  inflatePiece,
  type Piece,
} from '../src/gzip-pieces.ts';

async function strictly(stored: Buffer): Promise<Buffer> {
  const { signal } = new AbortController();
  const chunks: Buffer[] = [];
  for await (const chunk of readGzipMember(stored, { contentBytesMax: 2 ** 26, signal })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function packed(texts: readonly Buffer[]): Promise<Piece[]> {
  return await Promise.all(texts.map((text, index) => deflatePiece(text, 1 + (index % 9))));
}

describe('gzip of pieces', () => {
  it('is one member of just their text, whatever the pieces are', async () => {
    const texts = array(string({ unit: 'binary', maxLength: 3000 }), { maxLength: 8 });
    await assert(
      asyncProperty(texts, integer({ min: 0, max: 40 }), async (parts, times) => {
        const pieces = parts.map((part) => Buffer.from(part.repeat(times)));
        const stored = gzipOfPieces(await packed(pieces));
        expect((await strictly(stored)).equals(Buffer.concat(pieces))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('is read by other programs', async () => {
    const pieces = ['{"id":"1"}\n'.repeat(40_000), '', '{"id":"2"}\n'].map((text) => Buffer.from(text));
    const stored = gzipOfPieces(await packed(pieces));
    const whole = Buffer.concat(pieces);
    expect(gunzipSync(stored).equals(whole)).toBe(true);
    const max = { maxBuffer: 2 ** 26 };
    expect(execFileSync('gzip', ['-dc'], { input: stored, ...max }).equals(whole)).toBe(true);
    const python = 'import gzip,sys;sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))';
    expect(execFileSync('python3', ['-c', python], { input: stored, ...max }).equals(whole)).toBe(true);
  });

  it('holds each piece as it was, which can be read by itself and put together with others', async () => {
    const texts = ['a'.repeat(100_000), 'b', 'a'.repeat(100_000)].map((text) => Buffer.from(text));
    const pieces = await packed(texts);
    const stored = gzipOfPieces(pieces);
    let at = bytesBeforePieces;
    for (const [index, piece] of pieces.entries()) {
      const own = stored.subarray(at, at + piece.deflated.length);
      at += own.length;
      expect(own.equals(piece.deflated)).toBe(true);
      const text = inflateRawSync(own, { finishFlush: constants.Z_SYNC_FLUSH });
      expect(text.equals(texts[index] ?? Buffer.alloc(0))).toBe(true);
      expect(inflatePiece(piece).equals(text)).toBe(true);
    }
    const [first, second] = pieces as [Piece, Piece];
    const turned = gzipOfPieces([second, first]);
    expect((await strictly(turned)).toString()).toBe(`b${'a'.repeat(100_000)}`);
  });
});
