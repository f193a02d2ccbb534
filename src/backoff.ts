/** How long to wait before the next try: exponential with full jitter, a floor for what only people can mend. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Between 0 and 1; `Math.random` unless a test says otherwise. */
  readonly random?: () => number;
}

export interface Backoff {
  /** The next delay in milliseconds, at least `floorMs`. */
  next(floorMs?: number): number;
  /** After a success: the next failure starts from the beginning. */
  reset(): void;
}

export function createBackoff(options: BackoffOptions): Backoff {
  const random = options.random ?? Math.random;
  let failures = 0;
  return {
    next(floorMs = 0): number {
      const ceiling = Math.min(options.maxMs, options.firstMs * 2 ** failures);
      // Beyond the cap more doublings change nothing; the exponent stays finite.
      failures = Math.min(failures + 1, 30);
      return Math.max(floorMs, Math.round(options.firstMs / 2 + random() * (ceiling - options.firstMs / 2)));
    },
    reset(): void {
      failures = 0;
    },
  };
}
