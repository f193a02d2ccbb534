/** An exporter over a sandbox and a real PostgreSQL, for tests that look at what arrives. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileSink } from '../../sinks/file.ts';
import { createPostgresSink, parseTableName } from '../../sinks/postgres/index.ts';
import type { Sink } from '../../sinks/sink.ts';
import { createAuditSource } from '../../src/cloud-api/index.ts';
import type { Database } from '../../src/database/database.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import type { Exporter, WorkObserver } from '../../src/exporter/exporter.ts';
import type { DeliveryStart } from '../../src/ledger/deliveries.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { silentLogger, type Logger } from '../../src/logger.ts';
import { silentObserver } from '../../src/reader/reader-observer.ts';
import { silentDeliveryObserver } from '../../src/delivery/delivery-observer.ts';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/index.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

export const silentWorkObserver: WorkObserver = {
  leaseHeld: () => undefined,
  failure: () => undefined,
  sweepSucceeded: () => undefined,
};

export interface ExportRun {
  readonly sandbox: Sandbox;
  readonly exporter: Exporter;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly archive: string;
  /** What the warehouse table holds, in the order of the ledger. */
  warehouse(): Promise<{ id: string; sequence: number; raw: string }[]>;
  close(): Promise<void>;
}

export interface ExportRunOptions {
  readonly sandbox?: SandboxOptions;
  readonly pageSize?: number;
  readonly sinks?: (places: { readonly archive: string; readonly database: Database }) => readonly Sink[];
  readonly overlapMs?: number;
  readonly requestTimeoutMs?: number;
  readonly logger?: Logger;
  /** Where the sinks begin. Default: at the beginning. */
  readonly from?: DeliveryStart;
}

const warehouseTable = 'audit.cockroach_cloud_entries';

export async function startExportRun(options: ExportRunOptions = {}): Promise<ExportRun> {
  const sandbox = await startSandbox({ entries: 300, historyDays: 12, ...options.sandbox });
  const test: TestDatabase = await createTestDatabase();
  const database = await openPostgres({
    url: test.url,
    applicationName: 'tests',
    connectTimeoutMs: 5000,
    poolMax: 8,
  });
  const archive = await mkdtemp(join(tmpdir(), 'export-run-'));
  const logger = options.logger ?? silentLogger;
  const ledger = await openLedger({ database, schema: 'ccloud_audit', migrate: true, leaseMs: 5000, logger });
  const source = createAuditSource({
    url: sandbox.url,
    apiKey: sandbox.apiKey,
    requestsPerSecond: 1000,
    requestTimeoutMs: options.requestTimeoutMs ?? 1000,
    responseMaxBytes: 16 * 1024 * 1024,
    retry: { attempts: 12, backoffMs: 5, delayMaxMs: 50 },
    logger,
  });
  const makeSinks = options.sinks ?? allSinks;
  const sinks = makeSinks({ archive, database }).map((sink) => ({
    sink,
    organizations: undefined,
    from: options.from ?? ('beginning' as const),
  }));
  const exporter: Exporter = {
    ledger,
    organizations: [{ name: 'acme', source, keyGeneration: () => 0, startFrom: undefined }],
    sinks,
    settings: {
      pageSize: options.pageSize ?? 100,
      overlapMs: options.overlapMs ?? 15 * 60_000,
      rescanWindowMs: 48 * 3_600_000,
    },
    retentionMs: undefined,
    observer: { ...silentObserver, ...silentDeliveryObserver, ...silentWorkObserver },
    logger,
    abort: new AbortController().signal,
  };
  return {
    sandbox,
    exporter,
    database,
    databaseUrl: test.url,
    archive,
    warehouse: async () => {
      const { rows } = await database.query<{ id: string; sequence: string; raw: string }>(
        `SELECT id, sequence, raw FROM ${warehouseTable} ORDER BY sequence`,
      );
      return rows.map((row) => ({ ...row, sequence: Number(row.sequence) }));
    },
    close: async () => {
      await Promise.all(sinks.map(({ sink }) => sink.close()));
      await source.close();
      await database.close();
      await sandbox.close();
      await test.drop();
      await rm(archive, { recursive: true, force: true });
    },
  };
}

export function allSinks(places: { readonly archive: string; readonly database: Database }): Sink[] {
  return [
    createPostgresSink({
      name: 'warehouse',
      table: parseTableName(warehouseTable),
      databaseFingerprint: places.database.fingerprint,
      database: async () => places.database,
      ownsDatabase: false,
    }),
    createFileSink({ name: 'disk', directory: places.archive, roll: { entries: 100 } }),
  ];
}
