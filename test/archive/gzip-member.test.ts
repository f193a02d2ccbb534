import { execFileSync } from 'node:child_process';
import { deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { gzipBlocks, gzipBytesMax, GzipMemberError, readGzipMember } from '../../src/archive/gzip-member.ts';

const signal = new AbortController().signal;
const content = Buffer.from('{"id":"1"}\n{"id":"2"}\n'.repeat(50_000));

describe('one gzip member', () => {
  test('comes back as it was, in pieces', async () => {
    const stored = await gzipBlocks([content.subarray(0, 700_001), content.subarray(700_001)], { signal });
    expect(gunzipSync(stored).equals(content)).toBe(true);
    expect((await read(stored)).equals(content)).toBe(true);
  });

  test.each([0, 1, 9] as const)('is read whatever level it was packed at (%i)', async (level) => {
    expect((await read(gzipSync(content, { level }))).equals(content)).toBe(true);
  });

  test('is read with the header fields that other programs write', async () => {
    const named = execFileSync('gzip', ['-c', '-N'], { input: content });
    expect((await read(named)).equals(content)).toBe(true);
    expect((await read(withHeaderFields(content))).equals(content)).toBe(true);
  });

  test('may be empty', async () => {
    expect(await read(gzipSync(Buffer.alloc(0)))).toHaveLength(0);
  });

  test('never needs more room than predicted, whatever it holds', async () => {
    const noise = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) ^ (index >> 3)));
    const stored = await gzipBlocks([noise], { signal });
    expect(stored.length).toBeLessThanOrEqual(gzipBytesMax(noise.length));
    expect(gzipSync(Buffer.alloc(0)).length).toBeLessThanOrEqual(gzipBytesMax(0));
  });

  const whole = gzipSync(content);
  const wrongSum = Buffer.from(whole);
  wrongSum.writeUInt32LE(1, wrongSum.length - 8);
  const wrongLength = Buffer.from(whole);
  wrongLength.writeUInt32LE(1, wrongLength.length - 4);
  const wrongMiddle = Buffer.from(whole);
  wrongMiddle.fill(0xff, 200, 260);
  test.each([
    ['followed by a second member', Buffer.concat([whole, gzipSync('more')])],
    ['followed by an empty member', Buffer.concat([whole, gzipSync('')])],
    ['followed by other bytes', Buffer.concat([whole, Buffer.from('x')])],
    ['followed by zeros', Buffer.concat([whole, Buffer.alloc(512)])],
    ['cut off in the content', whole.subarray(0, 300)],
    ['cut off in the trailer', whole.subarray(0, -1)],
    ['without a trailer', whole.subarray(0, -8)],
    ['of nothing', Buffer.alloc(0)],
    ['of a header alone', whole.subarray(0, 10)],
    ['not packed', content],
    ['with a wrong checksum', wrongSum],
    ['with a wrong length', wrongLength],
    ['damaged in the middle', wrongMiddle],
    ['with an endless name', Buffer.concat([Buffer.from('1f8b080800000000', 'hex'), Buffer.alloc(64, 65)])],
  ])('is refused %s', async (_, stored) => {
    await expect(read(stored)).rejects.toBeInstanceOf(GzipMemberError);
  });

  test('is refused as soon as it unpacks to more than was allowed', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of readGzipMember(bomb, { contentBytesMax: 1000, signal }))
        bytes += chunk.length;
    })();
    await expect(reading).rejects.toThrow(/more than expected/);
    expect(bytes).toBe(0);
  });

  test('stops being written and read when the signal is aborted', async () => {
    await expect(gzipBlocks([content], { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
    await expect(read(whole, AbortSignal.abort())).rejects.toThrow(/abort/);
  });
});

async function read(stored: Buffer, until: AbortSignal = signal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readGzipMember(stored, { contentBytesMax: content.length, signal: until })) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A member with all four optional header fields of RFC 1952. */
function withHeaderFields(bytes: Buffer): Buffer {
  const header = Buffer.from('1f8b081e000000000003', 'hex');
  const extra = Buffer.from([3, 0, 1, 2, 3]);
  const trailer = gzipSync(bytes).subarray(-8);
  const text = Buffer.from('name\0comment\0');
  return Buffer.concat([header, extra, text, Buffer.alloc(2), deflateRawSync(bytes), trailer]);
}
