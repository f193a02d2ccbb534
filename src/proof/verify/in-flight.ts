/** Several things at once, within limits. */

export interface InFlightOptions {
  readonly count: number;
  readonly signal: AbortSignal;
}

export interface BytesInFlight extends InFlightOptions {
  /** What all that is held may have together; a single thing may have more. */
  readonly bytesMax: number;
}

/** Applies `work` to the items of a source, within limits, and yields the results in the source's order. */
export async function* inOrder<T extends { readonly size: number }, R>(
  source: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  { count, bytesMax, signal }: BytesInFlight,
): AsyncGenerator<R> {
  const running: { readonly result: Promise<R>; readonly bytes: number }[] = [];
  let bytes = 0;
  try {
    for await (const item of source) {
      signal.throwIfAborted();
      while (running.length >= count || (running.length > 0 && bytes + item.size > bytesMax)) {
        const first = oldest(running);
        yield await first.result;
        // What it gave is held until the next one is asked for.
        bytes -= first.bytes;
      }
      const result = work(item);
      // Its rejection is met when its turn comes; until then it must not count as unhandled.
      result.catch(() => undefined);
      running.push({ result, bytes: item.size });
      bytes += item.size;
    }
    while (running.length > 0) yield await oldest(running).result;
  } finally {
    await Promise.allSettled(running.map(({ result }) => result));
  }
}

/** Of a list that is not empty. */
function oldest<R>(running: R[]): R {
  const first = running.shift();
  if (first === undefined) throw new TypeError('nothing is running');
  return first;
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
  limits: BytesInFlight,
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
