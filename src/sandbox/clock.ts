import { nanosFromMs, type Nanos } from '../time.ts';

/** The sandbox's own time: a given clock, or the machine's, and what a test has moved it forward by. */
export class Clock {
  readonly #now: () => number;
  #advancedMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  nowMs(): number {
    return this.#now() + this.#advancedMs;
  }

  now(): Nanos {
    return nanosFromMs(this.nowMs());
  }

  advance(ms: number): void {
    this.#advancedMs += ms;
  }
}
