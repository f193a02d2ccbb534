import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../src/logger.ts';
import { startCron, validateCron } from '../../src/schedule/cron.ts';

describe('cron expressions', () => {
  it.each(['* * * * *', '17 3 * * *', '*/15 * * * * *', '0 0 1 jan *', '0 9 * * mon-fri'])(
    '%s is right',
    (text) => {
      expect(validateCron(text)).toBeUndefined();
    },
  );

  it.each([
    ['60 * * * *', '60 is not a possible minute'],
    ['* 24 * * *', '24 is not a possible hour'],
    ['* * 30 2 *', '30 is not a possible day of month'],
    ['bad', 'it has 1 field where cron has five, or six with seconds in front'],
    ['', 'it has 1 field where cron has five, or six with seconds in front'],
    ['* * * * * * *', 'it has 7 fields where cron has five, or six with seconds in front'],
  ])('%s is wrong', (text, reason) => {
    expect(validateCron(text)).toBe(reason);
  });
});

describe('the cron clock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2024, 0, 1, 0, 0, 0, 500) });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('ticks in UTC until it is stopped, and prints nothing', async () => {
    const printed = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
    const ticks: string[] = [];
    const clock = startCron('0 * * * * *', () => ticks.push(new Date().toISOString()), silentLogger);
    await vi.advanceTimersByTimeAsync(150_000);
    expect(ticks.map((tick) => tick.slice(0, 19))).toEqual(['2024-01-01T00:01:00', '2024-01-01T00:02:00']);
    clock.stop();
    clock.stop();
    await vi.advanceTimersByTimeAsync(300_000);
    expect(ticks).toHaveLength(2);
    for (const spy of printed) expect(spy).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
