import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseMoment, parseSize } from '../../config/units.ts';
import { nanosFromMs, parseTimestamp } from '../../src/time.ts';

describe('durations and sizes', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
    ['2w', 1_209_600_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '5',
    's',
    '-5s',
    '5 s',
    '5S',
    '1h30m',
    '5mins',
    '1e3s',
    '0.0001s',
    '9999999999999w',
    'constructor',
  ])('"%s" is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each([
    ['512B', 512],
    ['16MiB', 16_777_216],
    ['1GB', 1_000_000_000],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it('come back as they were from their printed form', () => {
    fc.assert(
      fc.property(fc.nat(), (value) => {
        expect(parseDuration(formatDuration(value))).toBe(value);
        expect(parseSize(formatSize(value))).toBe(value);
      }),
    );
  });
});

describe('moments', () => {
  const now = Date.UTC(2024, 5, 1);

  it('are timestamps, dates in UTC, or ages', () => {
    expect(parseMoment('2024-01-31T01:02:03.000004Z', now)).toBe(
      parseTimestamp('2024-01-31T01:02:03.000004Z'),
    );
    expect(parseMoment('2024-01-31', now)).toBe(parseTimestamp('2024-01-31T00:00:00Z'));
    expect(parseMoment('1d', now)).toBe(nanosFromMs(now - 86_400_000));
  });

  it.each(['yesterday', '2024-02-30', '2024-1-1', '', '90'])('"%s" is none', (text) => {
    expect(parseMoment(text, now)).toBeUndefined();
  });
});
