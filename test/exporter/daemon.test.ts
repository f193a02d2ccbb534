import { afterEach, describe, expect, it, vi } from 'vitest';
import { SinkError } from '../../sinks/sink-error.ts';
import { CloudApiError } from '../../src/cloud-api/cloud-api-error.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import type { Database } from '../../src/database/database.ts';
import { runDaemon } from '../../src/exporter/daemon.ts';
import type { Exporter, WorkName } from '../../src/exporter/exporter.ts';
import { runBackfill } from '../../src/exporter/one-shot.ts';
import { findDelivery } from '../../src/ledger/deliveries.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { findOrganization } from '../../src/ledger/organizations.ts';
import { silentLogger } from '../../src/logger.ts';
import { nanosFromMs } from '../../src/time.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { readFiles } from '../helpers/read-files.ts';
import { allSinks, startExportRun, type ExportRun, type ExportRunOptions } from '../helpers/export-run.ts';
import { startOutageProxy } from '../helpers/outage-proxy.ts';
import { createScriptedSink, type ScriptedSink } from '../helpers/scripted-sink.ts';
import { assertCockroachCompatible } from '../helpers/cockroach-compatible.ts';

const schedule = { tail: '* * * * * *', rescan: '17 3 * * *' };
const waiting = { timeout: 20_000, interval: 50 };

interface Daemon {
  stop(): Promise<void>;
}

let run: ExportRun | undefined;
const daemons: Daemon[] = [];
const databases: Database[] = [];

afterEach(async () => {
  await Promise.all(daemons.splice(0).map((daemon) => daemon.stop()));
  await Promise.all(databases.splice(0).map((database) => database.close()));
  await run?.close();
  run = undefined;
});

async function start(options: ExportRunOptions = {}): Promise<ExportRun> {
  run = await startExportRun(options);
  return run;
}

function startDaemon(exporter: Exporter): Daemon {
  const controller = new AbortController();
  const running = runDaemon(exporter, { schedule, signal: controller.signal });
  // A daemon that dies early fails its test at the stop; until then it must not count as unhandled.
  running.catch(() => undefined);
  const daemon = {
    stop: async (): Promise<void> => {
      controller.abort();
      await running;
    },
  };
  daemons.push(daemon);
  return daemon;
}

/** The same exporter in another process, with sinks and a lease of its own. */
async function anotherProcess(
  current: ExportRun,
  options: {
    readonly leaseMs?: number;
    readonly sinks?: Exporter['sinks'];
    readonly schema?: string;
    readonly url?: string;
    readonly onStatement?: (sql: string) => void;
  } = {},
): Promise<{ exporter: Exporter; database: Database }> {
  const database = await openPostgres({
    url: options.url ?? current.databaseUrl,
    applicationName: 'tests',
    connectTimeoutMs: 5000,
    poolMax: 6,
    onStatement: options.onStatement,
  });
  databases.push(database);
  const ledger = await openLedger({
    database,
    schema: options.schema ?? current.exporter.ledger.schema,
    migrate: true,
    leaseMs: options.leaseMs ?? 5000,
    logger: silentLogger,
  });
  const sinks =
    options.sinks ??
    allSinks({ archive: current.archive, database }).map((sink) => ({
      sink,
      organizations: undefined,
      from: 'beginning' as const,
    }));
  return { exporter: { ...current.exporter, ledger, sinks }, database };
}

async function expectWarehouse(current: ExportRun): Promise<void> {
  await vi.waitFor(async () => {
    const truth = current.sandbox.truth().map(({ raw }) => raw.toString());
    const rows = await current.warehouse();
    expect(rows.map(({ raw }) => raw).toSorted()).toEqual(truth.toSorted());
    expect(rows.map(({ sequence }) => sequence)).toEqual(truth.map((_, index) => index + 1));
  }, waiting);
}

function given(sink: ScriptedSink): number[] {
  return sink.taken.flatMap(({ entries }) => entries.map(({ sequence }) => sequence));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

describe('a daemon', () => {
  it('exports the past and what grows, while one sink is down and catches up when it is back', async () => {
    const down = createScriptedSink({ name: 'down' });
    const current = await start({ sinks: (places) => [...allSinks(places), down] });
    let isDown = true;
    down.onWrite = async () => {
      if (isDown) throw new SinkError('It is away.', { code: 'away', retryable: true });
      return undefined;
    };
    const daemon = startDaemon(current.exporter);
    await expectWarehouse(current);
    current.sandbox.append([{}, {}, {}]);
    await expectWarehouse(current);
    await vi.waitFor(async () => {
      const organization = await findOrganization(current.exporter.ledger, 'acme');
      const delivery = await findDelivery(current.exporter.ledger, organization?.id ?? 0, 'down');
      expect(delivery).toMatchObject({ offset: 0, failure: { code: 'away', isStopped: false } });
    }, waiting);
    expect(given(down)).toEqual([]);
    isDown = false;
    await vi.waitFor(() => expect(given(down)).toEqual(upTo(303)), waiting);
    await vi.waitFor(async () => {
      const organization = await findOrganization(current.exporter.ledger, 'acme');
      const delivery = await findDelivery(current.exporter.ledger, organization?.id ?? 0, 'down');
      expect(delivery).toMatchObject({ offset: 303, failure: undefined });
    }, waiting);
    await daemon.stop();
  });

  it('finishes the write in flight when it is told to stop, and gives every lease back', async () => {
    const slow = createScriptedSink({ name: 'slow' });
    const current = await start({ sinks: () => [slow] });
    let finish: (() => void) | undefined;
    const isWritten = new Promise<undefined>((resolve) => {
      finish = () => resolve(undefined);
    });
    slow.onWrite = () => isWritten;
    const daemon = startDaemon(current.exporter);
    await vi.waitFor(() => expect(slow.offered.length).toBe(1), waiting);
    const stopping = daemon.stop();
    finish?.();
    await stopping;
    const offered = slow.offered[0]?.entries.length ?? 0;
    const { rows } = await current.database.query<{ acknowledged: string; lease_until: string | null }>(
      'SELECT acknowledged, lease_until FROM ccloud_audit.deliveries',
    );
    expect(rows).toEqual([{ acknowledged: String(offered), lease_until: null }]);
    const { rows: events } = await current.database.query(
      'SELECT what FROM ccloud_audit.journal WHERE what LIKE $1',
      ['st%pped'],
    );
    expect(events).toEqual([{ what: 'stopped' }]);
  });

  it('degrades while the key is refused, moves nothing, and recovers when it is restored', async () => {
    const states: (string | undefined)[] = [];
    const current = await start({ sinks: allSinks });
    const observer: Exporter['observer'] = {
      ...current.exporter.observer,
      failure: (work: WorkName, failure) => {
        if (work.sink === undefined) states.push(failure?.code);
      },
    };
    // What a refused key waits before it is asked about again is a minute: here the vendor’s refusal is one that passes.
    const organizations = current.exporter.organizations.map((organization) => ({
      ...organization,
      source: {
        ...organization.source,
        auditLogPage: async (request: Parameters<typeof organization.source.auditLogPage>[0]) => {
          try {
            return await organization.source.auditLogPage(request);
          } catch (error) {
            if (!(error instanceof CloudApiError)) throw error;
            throw new CloudApiError(error.message, { code: error.code, retryable: true, cause: error });
          }
        },
      },
    }));
    startDaemon({ ...current.exporter, observer, organizations });
    await expectWarehouse(current);
    current.sandbox.revokeKey();
    await vi.waitFor(() => expect(states.at(-1)).toBe('key_refused'), waiting);
    current.sandbox.append([{}, {}]);
    const before = await findOrganization(current.exporter.ledger, 'acme');
    expect(before?.failure).toMatchObject({ code: 'key_refused', isStopped: false });
    expect(before?.failure?.sentence).toContain('401');
    expect(before?.nextSequence).toBe(301);
    current.sandbox.restoreKey();
    await expectWarehouse(current);
    await vi.waitFor(() => expect(states.at(-1)).toBeUndefined(), waiting);
    expect((await findOrganization(current.exporter.ledger, 'acme'))?.failure).toBeUndefined();
  });

  it('gets over a store that is away for longer than its leases, and loses and doubles nothing', async () => {
    const current = await start({ sinks: () => [] });
    const url = new URL(current.databaseUrl);
    const proxy = await startOutageProxy({ host: '127.0.0.1', port: Number(url.port) });
    url.host = `127.0.0.1:${proxy.port}`;
    try {
      const sink = createScriptedSink();
      const sinks = [{ sink, organizations: undefined, from: 'beginning' as const }];
      const { exporter } = await anotherProcess(current, { leaseMs: 900, url: url.href, sinks });
      const lost: boolean[] = [];
      const observer = {
        ...exporter.observer,
        leaseHeld: (_: WorkName, isHeld: boolean) => lost.push(!isHeld),
      };
      const daemon = startDaemon({ ...exporter, observer });
      // What was taken and not yet acknowledged would be offered again, as it should be.
      await vi.waitFor(async () => {
        const { rows } = await current.database.query('SELECT acknowledged FROM ccloud_audit.deliveries');
        expect(rows).toEqual([{ acknowledged: '300' }]);
      }, waiting);
      await proxy.cut();
      current.sandbox.append([{}, {}]);
      await vi.waitFor(() => expect(lost.filter(Boolean)).toHaveLength(2), waiting);
      await proxy.mend();
      await vi.waitFor(() => expect(given(sink)).toEqual(upTo(302)), waiting);
      await daemon.stop();
    } finally {
      await proxy.close();
    }
  });

  it('stops in peace while the store is away', async () => {
    const current = await start({ sinks: () => [] });
    const { exporter, database } = await anotherProcess(current, { sinks: [] });
    const daemon = startDaemon(exporter);
    await vi.waitFor(async () => {
      expect((await findOrganization(current.exporter.ledger, 'acme'))?.nextSequence).toBe(301);
    }, waiting);
    await database.close();
    await daemon.stop();
  });

  it('shares the jobs with another process, which takes over when one is gone', async () => {
    const current = await start({ sinks: () => [] });
    const sinksOfProcess = (): Exporter['sinks'] =>
      ['a', 'b', 'c'].map((name) => ({
        sink: createScriptedSink({ name }),
        organizations: undefined,
        from: 'beginning',
      }));
    const first = await anotherProcess(current, { leaseMs: 1500, sinks: sinksOfProcess() });
    const second = await anotherProcess(current, { leaseMs: 1500, sinks: sinksOfProcess() });
    startDaemon(first.exporter);
    startDaemon(second.exporter);
    const holders = async (): Promise<(string | null)[]> => {
      const { rows } = await current.database.query<{ lease_holder: string | null }>(
        `SELECT lease_holder FROM ccloud_audit.deliveries WHERE lease_until > now()
         UNION ALL SELECT lease_holder FROM ccloud_audit.organizations WHERE lease_until > now()`,
      );
      return rows.map(({ lease_holder: holder }) => holder);
    };
    const { actor: alive } = second.exporter.ledger;
    await vi.waitFor(async () => {
      const all = await holders();
      expect(all).toHaveLength(4);
      expect(new Set(all).size).toBe(2);
    }, waiting);
    // Its store is gone from one moment to the next: it can neither work nor give anything back.
    await first.database.close();
    await vi.waitFor(async () => expect(await holders()).toEqual([alive, alive, alive, alive]), waiting);
    current.sandbox.append([{}]);
    await vi.waitFor(async () => {
      const { rows } = await current.database.query('SELECT acknowledged FROM ccloud_audit.deliveries');
      expect(rows).toEqual([{ acknowledged: '301' }, { acknowledged: '301' }, { acknowledged: '301' }]);
    }, waiting);
  });

  it('serves a backfill of another process, archive objects included', async () => {
    const current = await start({ sinks: allSinks });
    startDaemon(current.exporter);
    await expectWarehouse(current);
    current.sandbox.append([{}, {}]);
    const other = await anotherProcess(current);
    const range = { from: undefined, to: nanosFromMs(Date.now() + 60_000) };
    const limits = { signal: new AbortController().signal, giveUpAfterMs: 20_000 };
    const [result] = await runBackfill(other.exporter, range, limits);
    expect(result).toMatchObject({ head: 302, added: 0 });
    const lines = archivedLines(await readFiles(current.archive), 'acme').map(({ raw }) => raw);
    expect(lines).toEqual((await current.warehouse()).map(({ raw }) => raw));
    expect(lines).toHaveLength(302);
  });

  it('runs nothing that CockroachDB could not run', async () => {
    const current = await start({ sinks: () => [] });
    const refused: string[] = [];
    const seen = new Set<string>();
    const checked = await anotherProcess(current, {
      schema: 'checked',
      onStatement: (sql) => {
        seen.add(sql);
        const reason = incompatibilityOf(sql);
        if (reason !== undefined) refused.push(reason);
      },
    });
    const daemon = startDaemon(checked.exporter);
    await expectWarehouse(current);
    const range = { from: undefined, to: nanosFromMs(Date.now()) };
    const limits = { signal: new AbortController().signal, giveUpAfterMs: 20_000 };
    await runBackfill(checked.exporter, range, limits);
    await daemon.stop();
    expect(refused).toEqual([]);
    expect([...seen].filter((sql) => /checked.*objects.*confirmed_at/s.test(sql)).length).toBeGreaterThan(0);
    expect(seen.size).toBeGreaterThan(50);
  });
});

function incompatibilityOf(sql: string): string | undefined {
  try {
    assertCockroachCompatible(sql);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
