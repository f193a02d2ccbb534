/**
 * How near a backfill in parts comes to the rate limit: seconds taken to walk a stretch over HTTP, beside pages ÷ 10 per
 * second, for histories of each shape at each latency. The stand-in for the API runs here too; nothing is appended, so
 * that it is the reading that is measured.
 */
import { createAuditSource } from '../../src/cloud-api/index.ts';
import { silentLogger } from '../../src/logger.ts';
import { createPageSource } from '../../src/reader/page-source.ts';
import { walkInParallel } from '../../src/reader/parallel-walk.ts';
import { startSandbox, type HistoryShape } from '../../src/sandbox/index.ts';
import { nanosFromMs } from '../../src/time.ts';

export interface ParallelBackfillOptions {
  readonly latenciesMs: readonly number[];
  readonly shapes: readonly HistoryShape[];
  readonly parallel: number;
  readonly requestsPerSecond: number;
  readonly entries: number;
  readonly pageSize: number;
  readonly runs: number;
}

export interface ParallelBackfillResult {
  readonly latencyMs: number;
  readonly shape: HistoryShape;
  readonly parallel: number;
  readonly entries: number;
  readonly pages: number;
  /** Pages divided by the rate. */
  readonly idealSeconds: number;
  /** Medians over the runs. */
  readonly seconds: number;
  readonly requests: number;
  readonly ratio: number;
}

export const usual: ParallelBackfillOptions = {
  latenciesMs: [50, 250, 1000],
  shapes: ['even', 'bursty', 'skewed'],
  parallel: 8,
  requestsPerSecond: 10,
  entries: 200_000,
  pageSize: 1000,
  runs: 3,
};

export async function measureParallelBackfill(
  options: ParallelBackfillOptions,
  onResult: (result: ParallelBackfillResult) => void = () => undefined,
): Promise<ParallelBackfillResult[]> {
  const results: ParallelBackfillResult[] = [];
  for (const latencyMs of options.latenciesMs) {
    for (const shape of options.shapes) {
      const runs: { seconds: number; requests: number }[] = [];
      for (let run = 0; run < options.runs; run += 1) runs.push(await runOnce(options, latencyMs, shape));
      const pages = Math.ceil(options.entries / options.pageSize);
      const idealSeconds = pages / options.requestsPerSecond;
      const seconds = median(runs.map((run) => run.seconds));
      const { parallel, entries } = options;
      const requests = median(runs.map((run) => run.requests));
      const ratio = seconds / idealSeconds;
      const result = { latencyMs, shape, parallel, entries, pages, idealSeconds, seconds, requests, ratio };
      results.push(result);
      onResult(result);
    }
  }
  return results;
}

async function runOnce(
  options: ParallelBackfillOptions,
  latencyMs: number,
  shape: HistoryShape,
): Promise<{ seconds: number; requests: number }> {
  const { entries, pageSize, requestsPerSecond } = options;
  const sandbox = await startSandbox({
    entries,
    shape,
    latencyMs,
    requestsPerSecond: requestsPerSecond * 2,
    prebuild: true,
  });
  const source = createAuditSource({
    url: sandbox.url,
    apiKey: sandbox.apiKey,
    requestsPerSecond,
    logger: silentLogger,
  });
  const seen = new Set<string>();
  try {
    const startedAt = performance.now();
    await walkInParallel(
      createPageSource({ source, pageSize, logger: silentLogger }),
      {
        start: undefined,
        end: nanosFromMs(Date.now()),
        caughtUpAt: undefined,
        priority: 'bulk',
        append: async (page) => {
          const before = seen.size;
          for (const { key } of page.entries) seen.add(key);
          return seen.size - before;
        },
        onStepOver: async () => undefined,
      },
      { signal: new AbortController().signal, parallel: options.parallel },
    );
    const seconds = (performance.now() - startedAt) / 1000;
    if (seen.size !== entries) throw new Error(`${seen.size} of ${entries} entries were read`);
    return { seconds, requests: sandbox.counters.requests };
  } finally {
    await source.close();
    await sandbox.close();
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

if (process.argv[1] === import.meta.filename) {
  const [latencies, shapes, runs, entries, pageSize, parallel] = process.argv.slice(2);
  const chosen = usual.shapes.filter((shape) => shapes === undefined || shapes.split(',').includes(shape));
  await measureParallelBackfill(
    {
      ...usual,
      latenciesMs: latencies?.split(',').map(Number) ?? usual.latenciesMs,
      shapes: chosen,
      runs: Number(runs ?? usual.runs),
      entries: Number(entries ?? usual.entries),
      pageSize: Number(pageSize ?? usual.pageSize),
      parallel: Number(parallel ?? usual.parallel),
    },
    (result) => process.stdout.write(`${JSON.stringify(result)}\n`),
  );
}
