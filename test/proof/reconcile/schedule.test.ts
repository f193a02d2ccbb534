/** Reconciling inside the daemon, at a tick of its clock. */
import { afterEach, expect, it, vi } from 'vitest';
import { runDaemon } from '../../../src/exporter/daemon.ts';
import type { Exporter } from '../../../src/exporter/exporter.ts';
import { runBackfill } from '../../../src/exporter/one-shot.ts';
import { scheduledReconciling } from '../../../src/proof/reconcile/schedule.ts';
import { createMetrics } from '../../../src/server/metrics.ts';
import { nanosFromMs } from '../../../src/time.ts';
import { startExportRun, type ExportRun } from '../../helpers/export-run.ts';
import { readSamples } from '../../server/samples.ts';

let run: ExportRun;
const signal = new AbortController().signal;

afterEach(() => run.close());

type Counts = Readonly<Record<string, number>>;

async function daemonUntilReconciled(settings: { readonly repair: boolean }): Promise<Counts> {
  const stop = new AbortController();
  const seen: Counts[] = [];
  const observer: Exporter['observer'] = {
    ...run.exporter.observer,
    reconciled: (_organization, findings) => seen.push(findings),
  };
  const daemon = runDaemon(
    { ...run.exporter, observer },
    {
      schedule: { tail: '* * * * * *', rescan: '17 3 * * *' },
      reconciling: scheduledReconciling({
        schedule: '* * * * * *',
        windowMs: 20 * 86_400_000,
        repair: settings.repair,
      }),
      signal: stop.signal,
    },
  );
  await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0), { timeout: 20_000 });
  stop.abort();
  await daemon;
  return seen[0] ?? {};
}

it('compares the last days with the API and every sink, tells what it found, and repairs if it is to', async () => {
  run = await startExportRun({ sandbox: { entries: 300, historyDays: 10 } });
  await runBackfill(
    run.exporter,
    { from: undefined, to: nanosFromMs(Date.now()) },
    { signal, giveUpAfterMs: 10_000 },
  );
  const { database } = run.exporter.ledger;
  await database.query('DELETE FROM ledger.ledger_rows WHERE sequence = 99');
  await run.database.query('DELETE FROM audit.cockroach_cloud_entries WHERE sequence = 50');
  const none = { missing: 0, extra: 0, changed: 0, unread: 0, missing_at_sink: 1, altered_at_sink: 0 };
  expect(await daemonUntilReconciled({ repair: false })).toEqual({ ...none, missing: 1 });
  expect(await daemonUntilReconciled({ repair: true })).toEqual({ ...none, missing: 1 });
  expect(await daemonUntilReconciled({ repair: false })).toEqual(none);
  const { rows } = await database.query(
    `SELECT count(*) AS late FROM ledger.journal WHERE what = 'late_entries'`,
  );
  expect(rows).toEqual([{ late: '1' }]);
});

it('shows in metrics when it last succeeded and what it found, by kind', async () => {
  run = await startExportRun({ sandbox: { entries: 1 } });
  const metrics = createMetrics({ version: '1', status: () => Promise.reject(new Error('not asked')) });
  metrics.reconciled?.('acme', { missing: 2, extra: 0 });
  const samples = readSamples(await metrics.scrape()).filter(({ name }) => name.includes('reconcile'));
  expect(samples).toEqual([
    {
      name: 'ccloud_audit_reconcile_last_success_timestamp_seconds',
      labels: { organization: 'acme' },
      value: expect.closeTo(Date.now() / 1000, -2) as number,
    },
    { name: 'ccloud_audit_reconcile_findings', labels: { organization: 'acme', kind: 'missing' }, value: 2 },
    { name: 'ccloud_audit_reconcile_findings', labels: { organization: 'acme', kind: 'extra' }, value: 0 },
  ]);
});
