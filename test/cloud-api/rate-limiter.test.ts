import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Priority, RateLimiter } from '../../src/cloud-api/rate-limiter.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const never = new AbortController().signal;

interface Started {
  readonly name: string;
  readonly atMs: number;
  readonly finish: () => void;
}

/** Runs named pieces of work that end when they are told to, and notes when each one started. */
class Bench {
  readonly limiter: RateLimiter;
  readonly started: Started[] = [];
  readonly #startMs = performance.now();

  constructor(limiter: RateLimiter) {
    this.limiter = limiter;
  }

  run(name: string, options: { priority: Priority; holds?: boolean; signal?: AbortSignal }): Promise<string> {
    return this.limiter.run(
      async () => {
        await new Promise<void>((resolve) => {
          this.started.push({ name, atMs: Math.round(performance.now() - this.#startMs), finish: resolve });
          if (options.holds !== true) resolve();
        });
        return name;
      },
      { priority: options.priority, signal: options.signal ?? never },
    );
  }

  get names(): string[] {
    return this.started.map(({ name }) => name);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('pacing', () => {
  test('requests start evenly spaced, however quickly they end', async () => {
    const bench = new Bench(new RateLimiter({ requestsPerSecond: 8, concurrency: 16 }));
    const all = Promise.all([1, 2, 3, 4, 5].map((n) => bench.run(String(n), { priority: 'bulk' })));
    await vi.advanceTimersByTimeAsync(2000);
    await all;
    const times = bench.started.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps).toHaveLength(4);
    // The clock of the tests begins at a fraction of a millisecond.
    for (const gap of gaps) expect(Math.abs(gap - 125)).toBeLessThanOrEqual(1);
  });

  test('an unused permit does not add up to a burst', async () => {
    const bench = new Bench(new RateLimiter({ requestsPerSecond: 10, concurrency: 16 }));
    void bench.run('first', { priority: 'bulk' });
    await vi.advanceTimersByTimeAsync(10_000);
    for (const name of ['a', 'b', 'c']) void bench.run(name, { priority: 'bulk' });
    await vi.advanceTimersByTimeAsync(150);
    expect(bench.started.length).toBeLessThanOrEqual(3);
    await vi.advanceTimersByTimeAsync(500);
    expect(bench.names).toEqual(['first', 'a', 'b', 'c']);
  });
});

describe('priority', () => {
  test('a tail request waits for one interval, not for the bulk requests that came before it', async () => {
    const bench = new Bench(new RateLimiter({ requestsPerSecond: 10, concurrency: 16 }));
    for (let n = 1; n <= 8; n += 1) void bench.run(`bulk ${n}`, { priority: 'bulk' });
    await vi.advanceTimersByTimeAsync(150);
    const before = bench.started.length;
    void bench.run('tail', { priority: 'tail' });
    await vi.advanceTimersByTimeAsync(100);
    expect(bench.names[before]).toBe('tail');
    await vi.advanceTimersByTimeAsync(2000);
    expect(bench.started).toHaveLength(9);
  });

  test('slow bulk requests leave one slot for the tail', async () => {
    const bench = new Bench(new RateLimiter({ requestsPerSecond: 100, concurrency: 4 }));
    for (let n = 1; n <= 6; n += 1) void bench.run(`bulk ${n}`, { priority: 'bulk', holds: true });
    await vi.advanceTimersByTimeAsync(1000);
    expect(bench.names).toEqual(['bulk 1', 'bulk 2', 'bulk 3']);
    void bench.run('tail', { priority: 'tail', holds: true });
    void bench.run('tail again', { priority: 'tail', holds: true });
    await vi.advanceTimersByTimeAsync(1000);
    expect(bench.names.slice(3)).toEqual(['tail']);
    bench.started[0]?.finish();
    await vi.advanceTimersByTimeAsync(1000);
    expect(bench.names.slice(4)).toEqual(['tail again']);
  });

  test('work that fails gives its slot back', async () => {
    const limiter = new RateLimiter({ requestsPerSecond: 1000, concurrency: 2 });
    for (let n = 0; n < 5; n += 1) {
      const failing = limiter.run(() => Promise.reject(new Error('no')), { priority: 'bulk', signal: never });
      const outcome = rejectionOf(failing);
      await vi.advanceTimersByTimeAsync(10);
      expect((await outcome).message).toBe('no');
    }
  });
});

describe('the gate', () => {
  test('closed, it holds everybody back, the tail included, and opens by itself', async () => {
    const bench = new Bench(new RateLimiter({ requestsPerSecond: 10, concurrency: 16 }));
    bench.limiter.closeGate(5000);
    bench.limiter.closeGate(1000);
    void bench.run('bulk', { priority: 'bulk' });
    void bench.run('tail', { priority: 'tail' });
    await vi.advanceTimersByTimeAsync(4900);
    expect(bench.names).toEqual([]);
    await vi.advanceTimersByTimeAsync(500);
    expect(bench.names).toEqual(['tail', 'bulk']);
  });

  test('it also stops those that stand in line already', async () => {
    const bench = new Bench(new RateLimiter({ requestsPerSecond: 10, concurrency: 16 }));
    for (let n = 1; n <= 4; n += 1) void bench.run(String(n), { priority: 'bulk' });
    await vi.advanceTimersByTimeAsync(110);
    const before = bench.started.length;
    bench.limiter.closeGate(1000);
    await vi.advanceTimersByTimeAsync(950);
    expect(bench.started).toHaveLength(before);
    await vi.advanceTimersByTimeAsync(1000);
    expect(bench.started).toHaveLength(4);
  });
});

describe('ending', () => {
  test('an aborted request leaves the line at once, the others keep their places', async () => {
    const bench = new Bench(new RateLimiter({ requestsPerSecond: 1, concurrency: 16 }));
    const controller = new AbortController();
    void bench.run('1', { priority: 'bulk' });
    const aborted = bench.run('2', { priority: 'bulk', signal: controller.signal });
    void bench.run('3', { priority: 'bulk' });
    const reason = new Error('enough');
    const outcome = rejectionOf(aborted);
    controller.abort(reason);
    expect(await outcome).toBe(reason);
    await vi.advanceTimersByTimeAsync(5000);
    expect(bench.names).toEqual(['1', '3']);
  });

  test('a signal that is aborted already starts nothing', async () => {
    const bench = new Bench(new RateLimiter({ requestsPerSecond: 1, concurrency: 16 }));
    await expect(bench.run('1', { priority: 'bulk', signal: AbortSignal.abort() })).rejects.toThrow(
      'aborted',
    );
    await vi.advanceTimersByTimeAsync(5000);
    expect(bench.names).toEqual([]);
  });

  test('closing rejects what waits, lets what runs finish, and leaves no timer', async () => {
    const bench = new Bench(new RateLimiter({ requestsPerSecond: 10, concurrency: 16 }));
    const running = bench.run('running', { priority: 'bulk', holds: true });
    await vi.advanceTimersByTimeAsync(200);
    bench.limiter.closeGate(60_000);
    const waiting = [bench.run('a', { priority: 'bulk' }), bench.run('b', { priority: 'tail' })].map(
      async (work) => {
        await expect(work).rejects.toMatchObject({ kind: 'interrupted', code: 'client_closed' });
      },
    );
    await bench.limiter.close();
    await Promise.all(waiting);
    bench.started[0]?.finish();
    await expect(running).resolves.toBe('running');
    await expect(bench.run('c', { priority: 'bulk' })).rejects.toMatchObject({ code: 'client_closed' });
    expect(vi.getTimerCount()).toBe(0);
  });
});
