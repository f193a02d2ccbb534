import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nanosFromMs, parseTimestamp } from '../src/time.ts';

describe('a timestamp', () => {
  it('is what a Date reads, is none where there is no such date, and takes a leap second for the next one', () => {
    const moment = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    const text = fc.oneof(
      moment.map((date) => date.toISOString()),
      fc.constantFrom(
        '2023-02-29T00:00:00Z',
        '2024-02-29T23:59:60.5Z',
        '2024-04-31T00:00:00Z',
        '2024-13-01T00:00:00Z',
      ),
    );
    const known = new Map<string, bigint | undefined>([
      ['2023-02-29T00:00:00Z', undefined],
      ['2024-02-29T23:59:60.5Z', nanosFromMs(Date.UTC(2024, 2, 1, 0, 0, 0, 500))],
      ['2024-04-31T00:00:00Z', undefined],
      ['2024-13-01T00:00:00Z', undefined],
    ]);
    fc.assert(
      fc.property(fc.array(text, { minLength: 2 }), (texts) => {
        const expected = texts.map((one) => (known.has(one) ? known.get(one) : nanosFromMs(Date.parse(one))));
        expect(texts.map(parseTimestamp)).toEqual(expected);
      }),
    );
  });

  it('keeps nine digits and drops what is finer', () => {
    const at = nanosFromMs(Date.UTC(2024, 0, 31));
    expect(parseTimestamp('2024-01-31T00:00:00.0000000019Z')).toBe(at + 1n);
    expect(parseTimestamp('2024-01-31T02:00:00.000000001+02:00')).toBe(at + 1n);
  });

  it('is the same in every way of writing UTC, whatever its digits are', () => {
    const part = (width: number): fc.Arbitrary<string> =>
      fc.nat(10 ** width - 1).map((number) => String(number).padStart(width, '0'));
    const text = fc
      .tuple(part(4), part(2), part(2), part(2), part(2), part(2), fc.stringMatching(/^\d{0,10}$/))
      .map(
        ([year, month, day, hour, minute, second, fraction]) =>
          `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction === '' ? '' : `.${fraction}`}`,
      );
    const calm = text.map((one) => one.replace(/-(\d)\d-\d\dT\d\d:\d\d:\d\d/, '-05-1$1T12:34:56'));
    const damage = fc.tuple(fc.nat(26), fc.constantFrom('', ' ', 'T', '-', ':', '.', 'x', '9'));
    const damaged = fc
      .tuple(fc.oneof(text, calm), damage)
      .map(([one, [at, put]]) => one.slice(0, at) + put + one.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(text, calm, damaged), (one) => {
        expect(parseTimestamp(`${one}Z`)).toBe(parseTimestamp(`${one}z`));
      }),
      { numRuns: 3000 },
    );
    expect(parseTimestamp('2024-02-03T04:05:06.7Z')).toBe(nanosFromMs(Date.UTC(2024, 1, 3, 4, 5, 6, 700)));
    expect(parseTimestamp('2024-02-03T04:05:06Z')).toBe(nanosFromMs(Date.UTC(2024, 1, 3, 4, 5, 6)));
    expect(parseTimestamp('9999-12-31T23:59:59.999999Z')).toBe(253_402_300_799_999_999_000n);
  });
});
