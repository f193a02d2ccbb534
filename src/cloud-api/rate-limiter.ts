/**
 * One key's rate budget, shared by everything that uses the key.
 *
 *   tail queue ─┐
 *               ├─▶ gate (closed by Retry-After) ─▶ one permit at a time from the pacer ─▶ running (slots)
 *   bulk queue ─┘
 *
 * Who goes next is decided when a permit is there, not when it is asked for: so a tail request waits for one
 * interval at most, however many bulk requests stand in line. One slot is never given to bulk work, so slow bulk
 * answers can't hold the tail back either. A permit that nobody needs is kept; it never becomes two.
 */
import { ExporterError } from '../errors.ts';
import { createPacer, type Pacer } from './pacer.ts';

export type Priority = 'tail' | 'bulk';

export interface RateLimiterOptions {
  readonly requestsPerSecond: number;
  /** How many requests may be under way at once; one of these slots is kept for the tail. At least 2. */
  readonly concurrency: number;
}

export interface RunOptions {
  readonly priority: Priority;
  /** Aborting removes a waiting request at once; work under way has to watch the signal itself. */
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly start: () => void;
  readonly reject: (error: unknown) => void;
}

export class RateLimiter {
  readonly #pacer: Pacer;
  readonly #slots: number;
  readonly #waiting: Record<Priority, Set<Waiting>> = { tail: new Set(), bulk: new Set() };
  readonly #running: Record<Priority, number> = { tail: 0, bulk: 0 };
  #opensAt = 0;
  #gateTimer: NodeJS.Timeout | undefined;
  #permit: 'none' | 'asked' | 'held' = 'none';
  #isClosed = false;

  constructor(options: RateLimiterOptions) {
    this.#pacer = createPacer(options.requestsPerSecond);
    this.#slots = Math.max(2, options.concurrency);
  }

  /** Runs `work` when it is its turn. Rejects with the signal's reason, or when the limiter is closed before that. */
  async run<T>(work: () => Promise<T>, options: RunOptions): Promise<T> {
    await this.#turn(options);
    try {
      return await work();
    } finally {
      this.#running[options.priority] -= 1;
      this.#pump();
    }
  }

  /** Nothing starts for this long. Several calls: the latest end counts. */
  closeGate(forMs: number): void {
    this.#opensAt = Math.max(this.#opensAt, performance.now() + forMs);
  }

  /** Rejects what waits; what is under way goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#gateTimer);
    for (const queue of Object.values(this.#waiting)) {
      for (const waiting of queue) waiting.reject(closedError());
      queue.clear();
    }
    await this.#pacer.stop();
  }

  async #turn(options: RunOptions): Promise<void> {
    options.signal.throwIfAborted();
    if (this.#isClosed) throw closedError();
    const queue = this.#waiting[options.priority];
    let onAbort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const waiting: Waiting = { start: resolve, reject };
        queue.add(waiting);
        onAbort = (): void => {
          // Once started, the work itself answers to the signal.
          if (!queue.delete(waiting)) return;
          reject(options.signal.reason as Error);
          this.#pump();
        };
        options.signal.addEventListener('abort', onAbort, { once: true });
        this.#pump();
      });
    } finally {
      if (onAbort !== undefined) options.signal.removeEventListener('abort', onAbort);
    }
  }

  #pump(): void {
    while (!this.#isClosed) {
      const priority = this.#nextPriority();
      if (priority === undefined || !this.#isGateOpen()) return;
      if (this.#permit !== 'held') return this.#askForPermit();
      this.#permit = 'none';
      this.#start(priority);
    }
  }

  #nextPriority(): Priority | undefined {
    const { tail, bulk } = this.#running;
    if (this.#waiting.tail.size > 0 && tail + bulk < this.#slots) return 'tail';
    if (this.#waiting.bulk.size > 0 && bulk < this.#slots - 1 && tail + bulk < this.#slots) return 'bulk';
    return undefined;
  }

  #start(priority: Priority): void {
    const queue = this.#waiting[priority];
    for (const first of queue) {
      queue.delete(first);
      this.#running[priority] += 1;
      first.start();
      return;
    }
  }

  /** When it is closed, makes sure that somebody looks again when it opens. */
  #isGateOpen(): boolean {
    const remainingMs = this.#opensAt - performance.now();
    if (remainingMs <= 0) return true;
    clearTimeout(this.#gateTimer);
    this.#gateTimer = setTimeout(() => {
      this.#pump();
    }, Math.ceil(remainingMs));
    return false;
  }

  #askForPermit(): void {
    if (this.#permit !== 'none') return;
    this.#permit = 'asked';
    void this.#receivePermit();
  }

  async #receivePermit(): Promise<void> {
    try {
      await this.#pacer.permit();
      this.#permit = 'held';
    } catch {
      // A stopped pacer means a closed limiter, whose waiting requests are rejected already.
      this.#permit = 'none';
    }
    this.#pump();
  }
}

export function closedError(): ExporterError {
  return new ExporterError('The Cloud API client was closed before the request was sent.', {
    kind: 'interrupted',
    code: 'client_closed',
  });
}
