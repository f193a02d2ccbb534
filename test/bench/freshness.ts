/** From "the API would answer with it" to "the sink has it": a daemon that tails every second, entries at odd moments. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { startSandbox } from '../../src/sandbox/index.ts';
import { query, type BenchPostgres } from './bench-postgres.ts';
import { everySecond, startDaemon } from './daemon.ts';
import { prepareExporterRun, sinkTable } from './exporter-run.ts';

export interface FreshnessResult {
  readonly sink: 'stdout' | 'postgres';
  /** One for each entry, in the order of their appearance. */
  readonly milliseconds: readonly number[];
}

/** Prime, so that entries come at every part of a second. */
const stepMs = 370;

export async function measureFreshness(
  postgres: BenchPostgres,
  { entries }: { readonly entries: number },
): Promise<FreshnessResult[]> {
  const sandbox = await startSandbox({ entries: 100, historyDays: 2 });
  const settings = everySecond;
  const run = await prepareExporterRun(
    { api: sandbox, postgres, objectStore: undefined },
    { store: 'postgres', sinks: ['stdout', 'postgres'], settings },
  );
  const daemon = startDaemon(run);
  const visibleAt = new Map<string, number>();
  const printedAt = new Map<string, number>();
  const lines = createInterface({ input: daemon.output });
  const all = new AbortController();
  lines.on('line', (line) => {
    const { id } = JSON.parse(line) as { readonly id?: string };
    printedAt.set(id ?? '', performance.timeOrigin + performance.now());
    if (printedAt.size >= 100 + entries) all.abort();
  });
  try {
    while (printedAt.size < 100) await once(lines, 'line', { signal: AbortSignal.timeout(60_000) });
    for (let added = 0; added < entries; added += 1) {
      await delay(stepMs);
      const [entry] = sandbox.append([{}]);
      visibleAt.set(entry?.id ?? '', performance.timeOrigin + performance.now());
    }
    if (!all.signal.aborted) await once(all.signal, 'abort', { signal: AbortSignal.timeout(60_000) });
    const storedAt = await whenStored(run.databaseUrl ?? '', [...visibleAt.keys()]);
    return [
      { sink: 'stdout', milliseconds: differences(visibleAt, printedAt) },
      { sink: 'postgres', milliseconds: differences(visibleAt, storedAt) },
    ];
  } finally {
    await daemon.stop();
    await sandbox.close();
    run.leave();
  }
}

/** When the transaction began that wrote them, by the database's clock, which is this machine's. */
async function whenStored(url: string, ids: readonly string[]): Promise<Map<string, number>> {
  const stored = new Map<string, number>();
  for (let attempt = 0; attempt < 300 && stored.size < ids.length; attempt += 1) {
    const list = ids.map((id) => `'${id}'`).join(', ');
    const rows = await query(
      url,
      `SELECT id, extract(epoch FROM exported_at) * 1000 AS at FROM ${sinkTable} WHERE id IN (${list})`,
    );
    for (const { id, at } of rows) stored.set(id ?? '', Number(at));
    if (stored.size < ids.length) await delay(100);
  }
  return stored;
}

function differences(from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>): number[] {
  return [...from].map(([id, at]) => {
    const arrived = to.get(id);
    if (arrived === undefined) throw new Error(`${id} did not arrive`);
    return Math.round(arrived - at);
  });
}
