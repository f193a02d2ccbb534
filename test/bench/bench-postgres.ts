/** The PostgreSQL server of a benchmark: durable, with settings that a small server would have. */
import { Client } from 'pg';
import { startPostgresServer } from '../helpers/postgres-server.ts';

export interface BenchPostgres {
  readonly version: string;
  /** Of the database `postgres`. */
  readonly url: string;
  /** Drops what the last run left, and gives the URL of an empty database. */
  emptyDatabase(): Promise<string>;
  stop(): Promise<void>;
}

const database = 'bench';
export const postgresSettings = ['max_wal_size=4GB', 'shared_buffers=512MB'] as const;

export async function startBenchPostgres(): Promise<BenchPostgres> {
  const server = await startPostgresServer({
    fsync: true,
    settings: ['timezone=UTC', 'datestyle=ISO', ...postgresSettings],
  });
  const [{ server_version: version } = { server_version: '' }] = await query(
    server.url,
    'SHOW server_version',
  );
  return {
    version: version ?? '',
    url: server.url,
    emptyDatabase: async () => {
      await query(server.url, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
      await query(server.url, `CREATE DATABASE ${database}`);
      // What one run left to be written must not be paid for by the next.
      await query(server.url, 'CHECKPOINT');
      const url = new URL(server.url);
      url.pathname = `/${database}`;
      return url.href;
    },
    stop: () => server.stop('fast'),
  };
}

export async function query(
  url: string,
  sql: string,
): Promise<readonly Readonly<Record<string, string | null>>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, string | null>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}
