import { describe, expect, test } from 'vitest';
import { parseHttpDate, parseRetryAfter } from '../../src/cloud-api/retry-after.ts';

const now = Date.UTC(1994, 10, 6, 8, 49, 0);

describe('Retry-After', () => {
  test.each([
    ['120', 120_000],
    [' 2 ', 2_000],
    ['0', 0],
    ['1.5', 1_500],
    ['99999999999999999999999', Number.MAX_SAFE_INTEGER],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 37_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 37_000],
    ['Sun Nov  6 08:49:37 1994', 37_000],
    ['Sun, 06 Nov 1994 08:48:00 GMT', 0],
  ])('%s is understood', (text, expected) => {
    expect(parseRetryAfter(text, now)).toBe(expected);
  });

  test.each(['', '-5', 'soon', '1e9', '0x10', '10 s', 'Sun, 99 Nov 1994 08:49:37 GMT', '1994-11-06'])(
    '%j is as if it were missing',
    (text) => {
      expect(parseRetryAfter(text, now)).toBeUndefined();
    },
  );

  test('a missing header is undefined', () => {
    expect(parseRetryAfter(undefined, now)).toBeUndefined();
    expect(parseHttpDate(undefined)).toBeUndefined();
  });
});
