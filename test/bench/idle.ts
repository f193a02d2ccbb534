/** What it costs to find out that there is nothing new. */
import { setTimeout as delay } from 'node:timers/promises';
import { startSandbox } from '../../src/sandbox/index.ts';
import type { BenchPostgres } from './bench-postgres.ts';
import { everySecond, startDaemon } from './daemon.ts';
import { prepareExporterRun } from './exporter-run.ts';
import { measure } from './measured-process.ts';

export interface IdleResult {
  readonly what: string;
  /** Requests for pages in one sweep. */
  readonly pages: number;
  /** Other requests: who the key belongs to, once a start. */
  readonly others: number;
  readonly seconds: number;
}

const entries = 5000;
/** Every fifth sweep looks behind the end of the tail instead: four of these. */
const tailSeconds = 20;

export async function measureIdle(postgres: BenchPostgres): Promise<IdleResult[]> {
  const sandbox = await startSandbox({ entries, historyDays: 8 });
  const run = await prepareExporterRun(
    { api: sandbox, postgres, objectStore: undefined },
    { store: 'postgres', sinks: ['files'], settings: everySecond },
  );
  const once = (): ReturnType<typeof measure> =>
    measure(run.command(['run', '--once']), { timeoutMs: 120_000 });
  try {
    const first = await once();
    if (first.exitCode !== 0) throw new Error(`The first sweep ended with ${first.exitCode}: ${first.said}`);
    let before = sandbox.counters;
    const second = await once();
    if (second.exitCode !== 0)
      throw new Error(`The idle sweep ended with ${second.exitCode}: ${second.said}`);
    const pages = sandbox.counters.pages - before.pages;
    const others = sandbox.counters.requests - before.requests - pages;
    const single = { what: '`run --once`, the whole command', pages, others, seconds: second.seconds };

    const daemon = startDaemon(run);
    try {
      before = sandbox.counters;
      const deadline = performance.now() + 60_000;
      while (sandbox.counters.pages < before.pages + 2 && performance.now() < deadline) await delay(20);
      // Between two ticks, so that as many fall into the time as it has seconds.
      await delay(500);
      before = sandbox.counters;
      const started = performance.now();
      await delay(tailSeconds * 1000);
      const seconds = (performance.now() - started) / 1000;
      const swept = (sandbox.counters.pages - before.pages) / tailSeconds;
      const rest = sandbox.counters.requests - before.requests - (sandbox.counters.pages - before.pages);
      const what = `the daemon, requests per second when it looks every second, over ${tailSeconds} s`;
      return [single, { what, pages: swept, others: rest / tailSeconds, seconds: seconds / tailSeconds }];
    } finally {
      await daemon.stop();
    }
  } finally {
    await sandbox.close();
    run.leave();
  }
}
