/** Sinks out of the configuration. Building connects to nothing. */
import type { Writable } from 'node:stream';
import type { SinkConfig } from '../../config/config.ts';
import { createFileSink } from '../../sinks/file.ts';
import { createPostgresSink, parseTableName } from '../../sinks/postgres/index.ts';
import { createS3Sink } from '../../sinks/s3.ts';
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

export function buildSinks(configs: readonly SinkConfig[], places: SinkPlaces): ExporterSink[] {
  return configs.map((config) => ({
    sink: buildSink(config, places),
    organizations: config.organizations,
    from: config.from,
  }));
}

export function buildSink(config: SinkConfig, places: SinkPlaces): Sink {
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
    case 's3':
      return createS3Sink(config);
    case 'file':
      return createFileSink(config);
    case 'stdout':
      return createStdoutSink({ name: config.name, format: config.format, stream: places.stdout });
    default:
      return config satisfies never;
  }
}
