import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AuditSource } from '../../src/cloud-api/audit-page.ts';
import { CloudApiError } from '../../src/cloud-api/cloud-api-error.ts';
import type { Exporter } from '../../src/exporter/exporter.ts';
import { DatabaseError } from '../../src/database/database-error.ts';
import { runBackfill, runOnce } from '../../src/exporter/one-shot.ts';
import { acquireLease, type Lease } from '../../src/ledger/leases.ts';
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { listOrganizations } from '../../src/ledger/organizations.ts';
import { demandCoverage, openDemands } from '../../src/ledger/stretches.ts';
import { silentLogger, type Logger } from '../../src/logger.ts';
import { nanosFromMs } from '../../src/time.ts';
import { SinkError } from '../../sinks/sink-error.ts';
import { startExportRun, type ExportRun } from '../helpers/export-run.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { createScriptedSink } from '../helpers/scripted-sink.ts';

const signal = new AbortController().signal;
const patient = { signal, giveUpAfterMs: 20_000 };
const hasty = { signal, giveUpAfterMs: 300 };

let run: ExportRun | undefined;
const leases: Lease[] = [];

afterEach(async () => {
  for (const lease of leases.splice(0)) await lease.release();
  await run?.close();
  run = undefined;
});

async function start(options: Parameters<typeof startExportRun>[0] = {}): Promise<ExportRun> {
  run = await startExportRun(options);
  return run;
}

/** Another process on the same store. */
async function otherLedger(current: ExportRun, leaseMs: number): Promise<Ledger> {
  const { database, exporter } = current;
  const { schema } = exporter.ledger;
  return await openLedger({ database, schema, migrate: false, leaseMs, logger: silentLogger });
}

async function holdReading(ledger: Ledger): Promise<Lease> {
  const [organization] = await listOrganizations(ledger);
  const lease = await acquireLease(ledger, { work: 'read', organization: organization?.id ?? 0 });
  if (lease === undefined) throw new TypeError('the lease is held');
  leases.push(lease);
  return lease;
}

/** The exporter with its source's pages in other hands. */
function withSource(
  exporter: Exporter,
  page: (source: AuditSource) => AuditSource['auditLogPage'],
): Exporter {
  const organizations = exporter.organizations.map((organization) => ({
    ...organization,
    source: { ...organization.source, auditLogPage: page(organization.source) },
  }));
  return { ...exporter, organizations };
}

describe('a single sweep', () => {
  it('is refused where a living process reads the organization, long before it would give up', async () => {
    const current = await start();
    await runOnce(current.exporter, patient);
    const other = await otherLedger(current, 900);
    await holdReading(other);
    const error = await rejectionOf(runOnce(current.exporter, { signal, giveUpAfterMs: 3_600_000 }));
    expect(error).toMatchObject({ kind: 'held', code: 'lease_held' });
    expect(error.message).toContain(other.actor);
  });

  it('waits for the lease of a dead process to run out', async () => {
    const current = await start();
    await runOnce(current.exporter, patient);
    current.sandbox.append([{}]);
    await current.database.query(`UPDATE ccloud_audit.organizations
      SET lease_holder = 'dead', lease_epoch = lease_epoch + 1, lease_until = now() + interval '1 second'`);
    const [result] = await runOnce(current.exporter, patient);
    expect(result?.added).toBe(1);
  });

  it('gives up where the same page fails again and again, although the one before it is fine', async () => {
    const current = await start({ pageSize: 50 });
    await runOnce(current.exporter, patient);
    current.sandbox.append(Array.from({ length: 200 }, () => ({})));
    const failing = withSource(current.exporter, (source) => async (request) => {
      const page = await source.auditLogPage(request);
      if (page.entries.length < 10) return page;
      throw new CloudApiError('The server failed.', { code: 'server_failed', retryable: true, status: 500 });
    });
    const error = await rejectionOf(runOnce(failing, hasty));
    expect(error).toMatchObject({ kind: 'source', code: 'server_failed' });
    expect(error.message).toContain('every position is kept');
    await runOnce(current.exporter, patient);
    expect(await current.warehouse()).toHaveLength(500);
  });

  it('fails with what a sink’s work found wrong with the store, not with the reading that it ended', async () => {
    const sink = createScriptedSink();
    const current = await start({ sinks: () => [sink] });
    const away = new DatabaseError('It is away for good.', { code: 'denied', retryable: false });
    sink.onWrite = async () => {
      // By then the reading waits for its next try.
      await vi.waitFor(async () => {
        const { rows } = await current.database.query('SELECT failure_code FROM ccloud_audit.organizations');
        expect(rows).toEqual([{ failure_code: 'server_failed' }]);
      });
      throw away;
    };
    let pages = 0;
    const failing = withSource(current.exporter, (source) => async (request) => {
      pages += 1;
      if (pages <= 2) return await source.auditLogPage(request);
      throw new CloudApiError('The server failed.', { code: 'server_failed', retryable: true, status: 500 });
    });
    expect(await rejectionOf(runOnce(failing, patient))).toBe(away);
  });

  it('takes its work up again where a lease was lost on the way', async () => {
    const sink = createScriptedSink();
    const current = await start({ sinks: () => [sink] });
    const deliveries = async (set: string): Promise<readonly object[]> =>
      (await current.database.query(`${set} RETURNING lease_epoch AS epoch`)).rows;
    let isLost: Promise<void> | undefined;
    const slow = withSource(current.exporter, (source) => async (request) => {
      isLost ??= (async (): Promise<void> => {
        await vi.waitFor(async () => {
          const taken =
            'UPDATE ccloud_audit.deliveries SET lease_epoch = 7, lease_until = NULL WHERE lease_epoch = 1';
          expect(await deliveries(taken)).toHaveLength(1);
        });
        await vi.waitFor(
          async () => {
            const again = 'UPDATE ccloud_audit.deliveries SET type = type WHERE lease_epoch = 8';
            expect(await deliveries(again)).toHaveLength(1);
          },
          { timeout: 10_000 },
        );
      })();
      await isLost;
      return await source.auditLogPage(request);
    });
    await runOnce(slow, patient);
    expect(sink.taken.flatMap(({ entries }) => entries)).toHaveLength(300);
  });

  it('that can’t feed one sink feeds the others and fails with that sink’s reason', async () => {
    const broken = createScriptedSink({ name: 'broken' });
    broken.onWrite = () => Promise.reject(new SinkError('It is gone.', { code: 'gone', retryable: false }));
    const healthy = createScriptedSink({ name: 'healthy' });
    const current = await start({ sinks: () => [broken, healthy] });
    const error = await rejectionOf(runOnce(current.exporter, patient));
    expect(error).toMatchObject({ kind: 'sink', code: 'gone' });
    expect(healthy.taken.flatMap(({ entries }) => entries)).toHaveLength(300);
  });

  it('that can’t feed several sinks fails with the first one’s reason and tells the others’', async () => {
    const sinks = ['one', 'two', 'three'].map((name) => {
      const sink = createScriptedSink({ name });
      const reason = new SinkError(`${name} is gone.`, { code: `${name}_gone`, retryable: false });
      if (name !== 'two') sink.onWrite = () => Promise.reject(reason);
      return sink;
    });
    const told: object[] = [];
    const current = await start({ sinks: () => sinks });
    const logger: Logger = {
      ...silentLogger,
      error: (fields) => void told.push(fields),
      child: () => logger,
    };
    const error = await rejectionOf(runOnce({ ...current.exporter, logger }, patient));
    expect(error).toMatchObject({ code: 'one_gone' });
    expect(told).toEqual([
      { organization: 'acme', sink: 'three', error: expect.objectContaining({ code: 'three_gone' }) },
    ]);
  });
});

describe('a backfill', () => {
  it('waits for the process that reads as long as that one gets on', async () => {
    const current = await start();
    await runOnce(current.exporter, patient);
    const other = await otherLedger(current, 5000);
    const lease = await holdReading(other);
    const options = { signal, giveUpAfterMs: 1200 };
    const range = { from: undefined, to: nanosFromMs(Date.now()) };
    const backfill = runBackfill(current.exporter, range, options);
    const organization = lease.target.organization;
    await vi.waitFor(async () => expect(await openDemands(other, organization)).toHaveLength(1));
    const [demand] = await openDemands(other, organization);
    const startedAt = performance.now();
    let steps = 0;
    await vi.waitFor(
      async () => {
        steps += 1;
        await other.database.query('UPDATE ledger.organizations SET tail_checkpoint = $1', [`step ${steps}`]);
        expect(performance.now() - startedAt).toBeGreaterThan(2 * options.giveUpAfterMs);
      },
      { timeout: 10_000, interval: 100 },
    );
    if (demand !== undefined) {
      await demandCoverage(other, lease, demand);
      await other.database.query(
        'UPDATE ledger.demands SET finished_at = now(), head_sequence = 300 WHERE id = $1',
        [demand.id],
      );
    }
    const [result] = await backfill;
    expect(result?.head).toBe(300);
  });

  it('gives up where the process that reads gets nowhere, and its demand stays', async () => {
    const current = await start();
    await runOnce(current.exporter, patient);
    const other = await otherLedger(current, 5000);
    const lease = await holdReading(other);
    const range = { from: undefined, to: nanosFromMs(Date.now()) };
    const error = await rejectionOf(runBackfill(current.exporter, range, hasty));
    expect(error).toMatchObject({ kind: 'held', code: 'lease_held' });
    expect(error.message).toContain(other.actor);
    expect(await openDemands(other, lease.target.organization)).toHaveLength(1);
  });

  it('that is told to stop ends with the signal’s reason and every lease given back', async () => {
    const current = await start();
    const stop = new AbortController();
    const stopping = withSource(current.exporter, () => async () => {
      stop.abort(new Error('stopped by the operator'));
      throw new CloudApiError('gone', { code: 'unreachable', retryable: true });
    });
    const range = { from: undefined, to: nanosFromMs(Date.now()) };
    const error = await rejectionOf(runBackfill(stopping, range, { ...patient, signal: stop.signal }));
    expect(error.message).toBe('stopped by the operator');
    const { rows } = await current.database.query(
      'SELECT 1 FROM ccloud_audit.organizations WHERE lease_until IS NOT NULL',
    );
    expect(rows).toEqual([]);
  });
});
