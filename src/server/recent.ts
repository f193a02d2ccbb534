import { ExporterError } from '../errors.ts';

export interface RecentOptions {
  /** How old an answer may be. */
  readonly maxAgeMs: number;
  /** How long one caller waits. */
  readonly timeoutMs: number;
  /** In milliseconds, only ever forward. Default: the process's own. */
  readonly clock?: () => number;
}

/**
 * Asks something slow at most once at a time and seldom, for callers that come whenever they like: all share the
 * question under way, and an answer that is not too old. Whoever waits too long gets an error (`store`,
 * `store_slow`); the question goes on and its answer serves who comes later. Failures are not kept.
 */
export function createRecent<T>(ask: () => Promise<T>, options: RecentOptions): () => Promise<T> {
  const clock = options.clock ?? ((): number => performance.now());
  let known: { readonly value: T; readonly at: number } | undefined;
  let asking: Promise<T> | undefined;
  const askNow = async (): Promise<T> => {
    try {
      const value = await ask();
      known = { value, at: clock() };
      return value;
    } finally {
      asking = undefined;
    }
  };
  return async () => {
    if (known !== undefined && clock() - known.at < options.maxAgeMs) return known.value;
    asking ??= askNow();
    return await within(asking, options.timeoutMs);
  };
}

async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow(timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(timeoutMs: number): ExporterError {
  return new ExporterError(`The store did not answer within ${timeoutMs / 1000} s.`, {
    kind: 'store',
    code: 'store_slow',
    retryable: true,
  });
}
