import { getEventListeners } from 'node:events';
import { readdir } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import { createReadJob } from '../../src/exporter/read-job.ts';
import { registerByName } from '../../src/exporter/read-work.ts';
import { acquireLease } from '../../src/ledger/leases.ts';
import { startExportRun, type ExportRun } from '../helpers/export-run.ts';

/** SWEEPS=10000 makes a week of them. */
const sweeps = Number(process.env['SWEEPS'] ?? 600);
const minuteMs = 60_000;
const sweepsPerDay = 1440;

let run: ExportRun | undefined;

afterEach(async () => {
  await run?.close();
});

interface Size {
  readonly heapBytes: number;
  readonly descriptors: number;
  readonly timers: number;
  readonly listeners: number;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

async function sizeNow(signal: AbortSignal): Promise<Size> {
  collectGarbage();
  return {
    heapBytes: process.memoryUsage().heapUsed,
    descriptors: (await readdir('/proc/self/fd')).length,
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
    listeners: getEventListeners(signal, 'abort').length,
  };
}

it(`${sweeps} scheduled sweeps, a minute of the API’s clock apart, leave nothing behind in memory`, async () => {
  let now = Date.now() - sweeps * minuteMs;
  run = await startExportRun({ sandbox: { entries: 100, now: () => now }, sinks: () => [] });
  const { sandbox, exporter } = run;
  const progress = { done: 0 };
  let swept: () => void = () => undefined;
  const counting = {
    ...exporter,
    observer: {
      ...exporter.observer,
      sweepSucceeded: () => {
        progress.done += 1;
        swept();
      },
    },
  };
  const [configured] = exporter.organizations;
  if (configured === undefined) throw new TypeError('no organization');
  const { id } = await registerByName(counting, configured);
  const reading = createReadJob(counting, { ...configured, id });
  const lease = await acquireLease(exporter.ledger, reading.job.target);
  if (lease === undefined) throw new TypeError('the lease is held');
  const stop = new AbortController();
  const first = new Promise<void>((resolve) => (swept = resolve));
  const ended = reading.job.run(lease, stop.signal);
  await first;
  let early: Size | undefined;
  while (progress.done < sweeps) {
    now += minuteMs;
    if (progress.done % 10 === 0) sandbox.append([{}]);
    if (progress.done % sweepsPerDay === 0) reading.rescan();
    if (progress.done === Math.floor(sweeps / 3)) early = await sizeNow(stop.signal);
    const next = new Promise<void>((resolve) => (swept = resolve));
    reading.sweep();
    await next;
  }
  const late = await sizeNow(stop.signal);
  stop.abort();
  await ended;
  await lease.release();
  if (early === undefined) throw new TypeError('it was not looked at');
  const perSweep = (late.heapBytes - early.heapBytes) / (sweeps - Math.floor(sweeps / 3));
  // The sandbox is in this process too, and keeps its entries and its last 10,000 requests.
  expect(perSweep).toBeLessThan(4096);
  expect(late.descriptors).toBeLessThanOrEqual(early.descriptors + 2);
  expect(late.timers).toBeLessThanOrEqual(early.timers + 2);
  expect(late.listeners).toBe(early.listeners);
  if (process.env['SWEEPS'] !== undefined)
    process.stdout.write(`${JSON.stringify({ early, late, perSweep })}\n`);
}, 1_800_000);
