/** An exporter out of the configuration: store, sources, sinks. What is opened is released last in, first out. */
import type { Writable } from 'node:stream';
import type { Config, OrganizationConfig } from '../../config/config.ts';
import { createAuditSource, type RequestReport } from '../cloud-api/index.ts';
import { archiveTextOf } from '../delivery/archived-objects.ts';
import type { Logger } from '../logger.ts';
import { buildSinks } from './build-sinks.ts';
import type { Exporter, ExporterOrganization, ExporterSink } from './exporter.ts';
import type { OpenStore } from './open-ledger.ts';
import { signingKeyOf } from './signing-key.ts';

export interface ExporterParts {
  readonly config: Config;
  readonly store: OpenStore;
  readonly stdout: Writable;
  readonly observer: Exporter['observer'];
  readonly onRequest: (report: RequestReport) => void;
  readonly logger: Logger;
  /** Aborts writes that a stop would wait for. */
  readonly abort: AbortSignal;
  /** Which of the configured organizations and sinks take part; undefined: all. */
  readonly only?: {
    readonly organizations?: readonly string[] | undefined;
    readonly sinks?: readonly string[] | undefined;
  };
}

export interface OpenExporter extends Exporter {
  close(): Promise<void>;
}

/** Throws a UsageError for a signing key that can't sign. */
export async function openExporter(parts: ExporterParts): Promise<OpenExporter> {
  const { config, store, only } = parts;
  const digests = { signingKey: signingKeyOf(config) };
  const organizations = config.organizations
    .filter(({ name }) => only?.organizations?.includes(name) ?? true)
    .map((organization) => openOrganization(organization, parts));
  const sinks: ExporterSink[] = await buildSinks(
    config.sinks.filter(({ name }) => only?.sinks?.includes(name) ?? true),
    { storeDatabase: store.database, stdout: parts.stdout },
  );
  // Text that was pruned is read back from archives, whether or not they take part in this run.
  const archives = await buildSinks(
    config.sinks.filter(
      ({ name, type }) => (type === 's3' || type === 'file') && only?.sinks?.includes(name) === false,
    ),
    { storeDatabase: store.database, stdout: parts.stdout },
  );
  const everySink = [...sinks, ...archives].map(({ sink }) => sink);
  return {
    ledger: { ...store.ledger, archiveText: archiveTextOf(everySink, parts.abort) },
    organizations,
    sinks,
    settings: {
      pageSize: config.api.pageSize,
      overlapMs: config.overlapMs,
      rescanWindowMs: config.rescanWindowMs,
    },
    retentionMs: config.store.retentionMs,
    digests,
    observer: parts.observer,
    logger: parts.logger,
    abort: parts.abort,
    close: async () => {
      const closing = [
        ...organizations.map(({ source }) => source.close()),
        ...everySink.map((sink) => sink.close()),
      ];
      const failures = (await Promise.allSettled(closing)).flatMap((result) =>
        result.status === 'rejected' ? [result.reason as unknown] : [],
      );
      if (failures.length > 0) throw new AggregateError(failures, 'The exporter did not close cleanly.');
    },
  };
}

function openOrganization(organization: OrganizationConfig, parts: ExporterParts): ExporterOrganization {
  const { api } = parts.config;
  let key: string | undefined;
  let generation = 0;
  return {
    name: organization.name,
    startFrom: organization.startFrom,
    keyGeneration: () => generation,
    source: createAuditSource({
      apiKey: async () => {
        const current = (await organization.apiKey.read()).reveal();
        if (key !== undefined && current !== key) generation += 1;
        key = current;
        return current;
      },
      url: api.url,
      version: api.version,
      requestsPerSecond: api.requestsPerSecond,
      requestTimeoutMs: api.requestTimeoutMs,
      responseMaxBytes: api.responseMaxBytes,
      logger: parts.logger.child({ organization: organization.name }),
      onRequest: parts.onRequest,
    }),
  };
}
