/**
 * What `run` and `backfill` have in common: the configuration with its organizations named, the store, the exporter, and a
 * stop that first lets writes finish and then, at the deadline, aborts them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { organizationNameFrom, withOrganization, type LoadedConfig } from '../../config/load.ts';
import { createBackoff } from '../backoff.ts';
import { createAuditSource, type RequestReport } from '../cloud-api/index.ts';
import { ExporterError, toError } from '../errors.ts';
import type { Exporter } from '../exporter/exporter.ts';
import { openExporter, type OpenExporter } from '../exporter/open-exporter.ts';
import { openStore, type OpenStore } from '../exporter/open-ledger.ts';
import { listOrganizations } from '../ledger/organizations.ts';
import type { Logger } from '../logger.ts';
import type { CliContext } from './context.ts';
import { load, loggerOf } from './load.ts';
import { note } from './output.ts';
import { StopRequested } from './signals.ts';
import { sourceOptions } from './source-options.ts';

export interface SessionOptions {
  readonly command: string;
  readonly observer: Exporter['observer'];
  readonly onRequest: (report: RequestReport) => void;
  readonly only?: { readonly organizations?: readonly string[]; readonly sinks?: readonly string[] };
  /** A daemon waits for its store and for the API's word for as long as it takes. */
  readonly waitsForEver: boolean;
  /** Whether an embedded store is made where there is none. Default true. */
  readonly create?: boolean;
  /** Told as soon as the store is open, for `status` and readiness. */
  readonly onStore?: (store: OpenStore) => void;
  /** Told as soon as the configuration is read. */
  readonly onConfig?: (config: Config, logger: Logger) => Promise<void>;
  /** What another process gets that asks the holder of an embedded store. */
  readonly status?: () => Promise<unknown>;
}

export interface Session {
  readonly config: Config;
  readonly exporter: OpenExporter;
  readonly store: OpenStore;
  readonly logger: Logger;
}

/** How long a one-shot tries to reach the store at its start. */
const storePatienceMs = 10_000;

/** The reader of stdout ends the export the normal way, exit code 0; it is said, since entries may be left. */
function tellReaderGone(context: CliContext): void {
  const { reason } = context.signal;
  if (!(reason instanceof StopRequested) || reason.reason !== 'reader_gone') return;
  note(context, 'Nobody reads stdout any more, so the export stopped there; every position is kept.');
}

export async function withSession<T>(
  context: CliContext,
  options: SessionOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const loaded = await load(context);
  const logger = loggerOf(context, loaded);
  await options.onConfig?.(loaded.config, logger);
  const store = await openPatiently(context, { loaded, logger, session: options });
  const deadline = startDeadline(context.signal, loaded.config.shutdownTimeoutMs);
  try {
    options.onStore?.(store);
    const config = await nameOrganization(context, { loaded, store, logger, session: options });
    tellDefaults(context, loaded, { config, store });
    const exporter = await openExporter({
      config,
      store,
      stdout: context.stdout,
      observer: options.observer,
      onRequest: options.onRequest,
      logger,
      abort: deadline.signal,
      ...(options.only === undefined ? {} : { only: options.only }),
    });
    try {
      return await body({ config, exporter, store, logger });
    } finally {
      await exporter.close();
    }
  } finally {
    tellReaderGone(context);
    deadline.stop();
    await store.close();
  }
}

interface Opening {
  readonly loaded: LoadedConfig;
  readonly logger: Logger;
  readonly session: SessionOptions;
}

async function openPatiently(context: CliContext, opening: Opening): Promise<OpenStore> {
  const { loaded, logger, session } = opening;
  const startedAt = performance.now();
  return await repeatedly(context.signal, {
    attempt: () =>
      openStore({
        store: loaded.config.store,
        leaseMs: loaded.config.leaseMs,
        logger,
        command: `ccloud-audit ${session.command}`,
        create: session.create ?? true,
        ...(session.status === undefined ? {} : { status: session.status }),
        signal: context.signal,
      }),
    goesOn: (error) =>
      isAway(error) && (session.waitsForEver || performance.now() - startedAt < storePatienceMs),
    onFailure: (error, nextTryMs) => logger.warn({ error: error, nextTryMs }, 'store not open yet'),
  });
}

/** A store that does not answer may come back; one that another process holds, or that does not fit, will not. */
function isAway(error: Error): boolean {
  return error instanceof ExporterError && error.kind === 'store' && error.retryable;
}

/** With only a key, the API says what the organization is called; the store remembers it. */
async function nameOrganization(
  context: CliContext,
  naming: Opening & { readonly store: OpenStore },
): Promise<Config> {
  const { loaded, logger, session, store } = naming;
  const key = loaded.implicitKey;
  if (key === undefined) return loaded.config;
  const source = createAuditSource({ ...sourceOptions(loaded.config.api, key), logger });
  try {
    return await repeatedly(context.signal, {
      attempt: async () => {
        const info = await source.organization({ signal: context.signal });
        const known = await listOrganizations(store.ledger);
        const sameName = known.find(({ cloudId }) => cloudId !== undefined && cloudId === info?.id)?.name;
        const name = sameName ?? organizationNameFrom(info?.label ?? info?.name ?? '');
        return withOrganization(loaded, name);
      },
      goesOn: () => session.waitsForEver,
      onFailure: (error, nextTryMs) => logger.warn({ error: error, nextTryMs }, 'organization not known yet'),
    });
  } finally {
    await source.close();
  }
}

interface Repetition<T> {
  readonly attempt: () => Promise<T>;
  readonly goesOn: (error: Error) => boolean;
  readonly onFailure: (error: Error, nextTryMs: number) => void;
}

async function repeatedly<T>(signal: AbortSignal, repetition: Repetition<T>): Promise<T> {
  const backoff = createBackoff({ firstMs: 500, maxMs: 30_000 });
  for (;;) {
    try {
      return await repetition.attempt();
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toError(thrown);
      if (!repetition.goesOn(error)) throw thrown;
      const waitMs = Math.round(backoff.next());
      repetition.onFailure(error, waitMs);
      await delay(waitMs, undefined, { signal });
    }
  }
}

/** What nobody configured is said, so that nobody wonders where the entries are. */
function tellDefaults(
  context: CliContext,
  loaded: LoadedConfig,
  used: { readonly config: Config; readonly store: OpenStore },
): void {
  if (loaded.implicitKey === undefined && !loaded.defaulted.store && !loaded.defaulted.sinks) return;
  const organizations = used.config.organizations.map(({ name }) => name).join(', ');
  const sinks = used.config.sinks.map((sink) => `${sink.name} (${sink.type})`).join(', ') || 'none';
  const kind = used.store.database.kind === 'pglite' ? 'embedded, in ' : '';
  note(
    context,
    `organization: ${organizations}; store: ${kind}${used.store.database.fingerprint}; sinks: ${sinks}`,
  );
}

interface Deadline {
  readonly signal: AbortSignal;
  stop(): void;
}

/** Aborted `timeoutMs` after the stop. */
function startDeadline(stop: AbortSignal, timeoutMs: number): Deadline {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    timer = setTimeout(() => controller.abort(stop.reason), timeoutMs);
  };
  if (stop.aborted) start();
  else stop.addEventListener('abort', start, { once: true });
  return {
    signal: controller.signal,
    stop(): void {
      stop.removeEventListener('abort', start);
      clearTimeout(timer);
    },
  };
}
