/** Sinks out of the configuration. Building connects to nothing. */
import type { Writable } from 'node:stream';
import type { SinkConfig } from '../../config/config.ts';
import { createFileSink } from '../../sinks/file.ts';
import { createPostgresSink, parseTableName } from '../../sinks/postgres/index.ts';
import type { Sink } from '../../sinks/sink.ts';
import { createStdoutSink } from '../../sinks/stdout.ts';
import type { Database } from '../database/database.ts';
import { openPostgres } from '../database/postgres.ts';
import { parsePostgresUrl, postgresFingerprint } from '../database/postgres-url.ts';
import type { ExporterSink } from './exporter.ts';

export interface SinkPlaces {
  /** The store's database, for postgres sinks without a URL of their own. */
  readonly storeDatabase: Database;
  readonly stdout: Writable;
}

const connectTimeoutMs = 10_000;

export async function buildSinks(
  configs: readonly SinkConfig[],
  places: SinkPlaces,
): Promise<ExporterSink[]> {
  return await Promise.all(
    configs.map(async (config) => ({
      sink: await buildSink(config, places),
      organizations: config.organizations,
      from: config.from,
    })),
  );
}

export async function buildSink(config: SinkConfig, places: SinkPlaces): Promise<Sink> {
  switch (config.type) {
    case 'postgres': {
      const url = config.url?.reveal();
      const table = parseTableName(config.table);
      const { name } = config;
      if (url === undefined) {
        const database = places.storeDatabase;
        const databaseFingerprint = database.fingerprint;
        return createPostgresSink({
          name,
          table,
          databaseFingerprint,
          database: async () => database,
          ownsDatabase: false,
        });
      }
      return createPostgresSink({
        name,
        table,
        databaseFingerprint: postgresFingerprint(parsePostgresUrl(url)),
        database: () => openPostgres({ url, applicationName: 'ccloud-audit-export', connectTimeoutMs }),
        ownsDatabase: true,
      });
    }
    case 's3': {
      // The AWS SDK is large; who has no bucket does not load it.
      const { createS3Sink } = await import('../../sinks/s3.ts');
      return createS3Sink(config);
    }
    case 'file':
      return createFileSink(config);
    case 'stdout':
      return createStdoutSink({ name: config.name, format: config.format, stream: places.stdout });
    default:
      return config satisfies never;
  }
}
