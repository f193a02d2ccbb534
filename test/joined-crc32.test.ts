import { crc32 } from 'node:zlib';
import { assert, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinedCrc32 } from '../src/joined-crc32.ts';

describe('the checksum of two texts as one', () => {
  const bytes = uint8Array({ maxLength: 2000 });

  it('is that of the one behind the other', () => {
    assert(
      property(bytes, bytes, (first, second) => {
        const sum = joinedCrc32(crc32(first), crc32(second), second.length);
        expect(sum).toBe(crc32(Buffer.concat([first, second])));
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on what is joined first, also where texts are larger than 4 GiB', () => {
    let [sum, length] = [crc32('an audit log entry\n'), 19];
    for (; length < 2 ** 34; length *= 2) sum = joinedCrc32(sum, sum, length);
    const [a, c] = [crc32('before'), crc32('behind')];
    const fromTheLeft = joinedCrc32(joinedCrc32(a, sum, length), c, 6);
    const fromTheRight = joinedCrc32(a, joinedCrc32(sum, c, 6), length + 6);
    expect(fromTheLeft).toBe(fromTheRight);
  });
});
