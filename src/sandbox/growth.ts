import type { AuditLog } from './audit-log.ts';
import type { Clock } from './clock.ts';
import { createRandom, mix, type Random } from './random.ts';
import type { Traps } from './traps.ts';

/** How late entries can be under the traps; `overlap` is what a tail reads again by default. */
export const latenessNs = {
  late: 600_000_000_000n,
  overlap: 900_000_000_000n,
  veryLate: 144_000_000_000_000n,
} as const;

const tickMs = 100;

export interface GrowthOptions {
  readonly log: AuditLog;
  readonly clock: Clock;
  readonly traps: Traps;
  readonly perSecond: number;
  readonly seed: number;
}

/** Adds entries while the sandbox runs. Its timer keeps no process alive. */
export class Growth {
  readonly #options: GrowthOptions;
  readonly #random: Random;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #owed = 0;

  constructor(options: GrowthOptions) {
    this.#options = options;
    this.#random = createRandom(mix(options.seed, 0x6209));
  }

  start(): void {
    if (this.#options.perSecond <= 0) return;
    this.#since = this.#options.clock.nowMs();
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { clock, log, perSecond } = this.#options;
    const now = clock.nowMs();
    this.#owed += ((now - this.#since) / 1_000) * perSecond;
    this.#since = now;
    for (; this.#owed >= 1; this.#owed -= 1) log.add(this.#createdAt());
  }

  #createdAt(): bigint {
    const { clock, log, traps } = this.#options;
    const now = clock.now();
    for (const [name, ns] of [
      ['late-entries', latenessNs.late],
      ['very-late-entries', latenessNs.veryLate],
    ] as const) {
      if (!traps.has(name) || this.#random.next() >= traps.share(name, 0.2)) continue;
      const lag = BigInt(Math.floor(this.#random.next() * Number(ns / 1_000n))) * 1_000n;
      return now - lag;
    }
    return log.timeForNew(now);
  }
}
