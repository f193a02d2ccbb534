/** What a running exporter shows of itself: metrics, health and status, over HTTP and to who asks for an embedded store. */
import type { Config } from '../../config/config.ts';
import type { RequestReport } from '../cloud-api/index.ts';
import { ExporterError } from '../errors.ts';
import type { Exporter } from '../exporter/exporter.ts';
import type { OpenStore } from '../exporter/open-ledger.ts';
import { readStatus, statusOptionsOf, type Status } from '../exporter/status.ts';
import type { Logger } from '../logger.ts';
import { createMetrics } from '../server/metrics.ts';
import { createReadiness } from '../server/readiness.ts';
import { createRecent } from '../server/recent.ts';
import { startServer, type RunningServer } from '../server/server.ts';
import { packageVersion } from './package-version.ts';

export interface Monitor {
  readonly observer: Exporter['observer'];
  readonly onRequest: (report: RequestReport) => void;
  /** Starts to serve, if the configuration wants it; before there is a store. */
  listen(config: Config, logger: Logger): Promise<void>;
  /** The store is open: status can be read from now on. */
  watch(store: OpenStore): void;
  status(): Promise<Status>;
  close(): Promise<void>;
}

/** A scrape asks the store at most this often, and waits for it no longer than that. */
const statusMaxAgeMs = 5000;
const statusTimeoutMs = 3000;

export function startMonitor(): Monitor {
  let store: OpenStore | undefined;
  let config: Config | undefined;
  let server: RunningServer | undefined;
  const status = createRecent(
    async () => {
      if (store === undefined) throw storeNotOpen();
      return await readStatus(store.ledger, config === undefined ? {} : statusOptionsOf(config));
    },
    { maxAgeMs: statusMaxAgeMs, timeoutMs: statusTimeoutMs },
  );
  const metrics = createMetrics({ version: packageVersion(), status });
  return {
    observer: metrics,
    onRequest: (report) => metrics.apiRequest(report),
    async listen(loaded, logger) {
      config = loaded;
      if (loaded.server === undefined) return;
      const readiness = createReadiness(() => store?.ledger);
      server = await startServer({ ...loaded.server, metrics, readiness, status, logger });
      logger.info({ host: loaded.server.host, port: server.port }, 'metrics, health and status served');
    },
    watch(opened) {
      store = opened;
    },
    status,
    async close() {
      store = undefined;
      await server?.close();
    },
  };
}

function storeNotOpen(): ExporterError {
  return new ExporterError('The store is not open yet.', {
    kind: 'store',
    code: 'store_not_open',
    retryable: true,
  });
}
