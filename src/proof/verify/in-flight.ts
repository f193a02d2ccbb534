/** Several things at once, within limits. */

export interface InFlightOptions {
  readonly count: number;
  readonly signal: AbortSignal;
}

/** Applies `work` to the items of a source, at most `count` at a time, and yields the results in the source's order. */
export async function* inOrder<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  { count, signal }: InFlightOptions,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of source) {
      signal.throwIfAborted();
      running.push(work(item));
      // Its rejection is met when its turn comes; until then it must not count as unhandled.
      running.at(-1)?.catch(() => undefined);
      if (running.length < count) continue;
      yield await oldest(running);
    }
    while (running.length > 0) yield await oldest(running);
  } finally {
    await Promise.allSettled(running);
  }
}

/** Of a list that is not empty. */
async function oldest<R>(running: Promise<R>[]): Promise<R> {
  const first = running.shift();
  if (first === undefined) throw new TypeError('nothing is running');
  return await first;
}

export interface Sized {
  /** Bytes that it will hold in memory. */
  readonly bytes: number;
}

/**
 * Runs `work` on every item, at most `count` and, unless it is a single one, at most `bytesMax` bytes at a time. The first
 * failure ends it, after what was begun has ended.
 */
export async function withinBytes<T extends Sized>(
  source: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<void>,
  limits: InFlightOptions & { readonly bytesMax: number },
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let bytes = 0;
  const run = async (item: T): Promise<void> => {
    bytes += item.bytes;
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    } finally {
      bytes -= item.bytes;
    }
  };
  const begin = (item: T): void => {
    const job: Promise<void> = run(item).finally(() => running.delete(job));
    running.add(job);
  };
  try {
    for await (const item of source) {
      limits.signal.throwIfAborted();
      while (running.size > 0 && (running.size >= limits.count || bytes + item.bytes > limits.bytesMax)) {
        await Promise.race(running);
      }
      if (failures.length > 0) break;
      begin(item);
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}
