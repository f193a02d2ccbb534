/** PostgreSQL and CockroachDB by URL, through `pg`. The pool and everything that can hang or break in it stays in here. */
import { Pool, type PoolClient } from 'pg';
import { AbandonedCopies } from './abandoned-copies.ts';
import type { Database, DatabaseKind } from './database.ts';
import { DatabaseError } from './database-error.ts';
import { PostgresConnection } from './postgres-connection.ts';
import { describeDatabaseFailure } from './postgres-errors.ts';
import { parsePostgresUrl, postgresFingerprint, tlsOptions, type PostgresTarget } from './postgres-url.ts';
import { SessionDatabase } from './session-database.ts';
import { Session, type StatementHooks } from './session.ts';
import { Slots } from './slots.ts';
import type { Sessions } from './transaction.ts';
import { decodeValue } from './values.ts';

export interface PostgresOptions extends StatementHooks {
  readonly url: string;
  /** Shown in the server's list of connections. */
  readonly applicationName: string;
  /** Connections at most. Default 4. */
  readonly poolMax?: number;
  readonly connectTimeoutMs: number;
  /** The server ends a statement that runs longer. Default: the server's own limit. */
  readonly statementTimeoutMs?: number | undefined;
  /**
   * The server ends a session that asks for nothing for so long inside a transaction. Its locks would hold back whoever takes
   * the lease of a process that stopped there. Default 10 s.
   */
  readonly idleInTransactionTimeoutMs?: number | undefined;
  /** A statement without an answer for so long means a dead connection, which is then cut. Default 60 s. */
  readonly answerTimeoutMs?: number | undefined;
  /** Ends the first connecting; it has no part in what comes after. */
  readonly signal?: AbortSignal | undefined;
}

const poolMaxDefault = 4;
const answerTimeoutDefaultMs = 60_000;
const idleInTransactionDefaultMs = 10_000;
const keepAliveDelayMs = 10_000;
const idleTimeoutMs = 30_000;

/**
 * Connects once, so that a database that can't be used is known at the start, and returns the pool.
 * Throws a UsageError for the URL and a DatabaseError for the database.
 */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const target = parsePostgresUrl(options.url);
  const fingerprint = postgresFingerprint(target);
  const pool = createPool(target, options);
  const sessions = new PoolSessions(pool, fingerprint, options);
  try {
    const kind = await detectKind(sessions, options.signal);
    if (kind === 'postgresql') sessions.endAbandonedCopies();
    return new SessionDatabase({
      kind,
      fingerprint,
      sessions,
      close: () => sessions.close(),
    });
  } catch (error) {
    await sessions.close();
    throw error;
  }
}

function createPool(target: PostgresTarget, options: PostgresOptions): Pool {
  const pool = new Pool({
    host: target.host,
    port: target.port,
    database: target.database,
    ...(target.user === undefined ? {} : { user: target.user }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.options === undefined ? {} : { options: target.options }),
    ssl: tlsOptions(target),
    application_name: options.applicationName,
    max: options.poolMax ?? poolMaxDefault,
    connectionTimeoutMillis: options.connectTimeoutMs,
    idleTimeoutMillis: idleTimeoutMs,
    query_timeout: options.answerTimeoutMs ?? answerTimeoutDefaultMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelayMs,
    types: { getTypeParser: (oid: number) => (text: string) => decodeValue(oid, text) },
  });
  // The pool has already dropped the idle connection that broke; the next statement gets a new one. Without a listener
  // the event would end the process.
  pool.on('error', () => undefined);
  // A server may greet and dismiss in one packet: that is read before whoever waits for the connection gets to run.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** What results look like must not depend on how a server, a database or a role is configured. */
function sessionSettings({ statementTimeoutMs, idleInTransactionTimeoutMs }: PostgresOptions): string {
  const idleMs = idleInTransactionTimeoutMs ?? idleInTransactionDefaultMs;
  const settings: [name: string, value: string][] = [
    ['client_encoding', 'UTF8'],
    ['TimeZone', 'UTC'],
    ['DateStyle', 'ISO, MDY'],
    ['bytea_output', 'hex'],
    ['extra_float_digits', '1'],
    ['idle_in_transaction_session_timeout', String(idleMs)],
  ];
  if (statementTimeoutMs !== undefined) settings.push(['statement_timeout', String(statementTimeoutMs)]);
  const calls = settings.map(([name, value]) => `set_config('${name}', '${value}', false)`);
  return `SELECT ${calls.join(', ')}`;
}

async function detectKind(sessions: PoolSessions, signal: AbortSignal | undefined): Promise<DatabaseKind> {
  const session = await sessions.acquire(signal);
  try {
    const { rows } = await session.run('SELECT version() AS version');
    return String(rows[0]?.['version']).includes('CockroachDB') ? 'cockroachdb' : 'postgresql';
  } finally {
    sessions.release(session);
  }
}

class PoolSessions implements Sessions {
  readonly #pool: Pool;
  readonly #place: string;
  readonly #options: PostgresOptions;
  readonly #slots: Slots;
  readonly #prepared = new WeakSet<PoolClient>();
  #abandoned: AbandonedCopies | undefined;

  constructor(pool: Pool, fingerprint: string, options: PostgresOptions) {
    this.#pool = pool;
    this.#place = `PostgreSQL at ${fingerprint}`;
    this.#options = options;
    // The pool never queues by itself: who waits in its queue can neither be aborted nor is told when it closes.
    this.#slots = new Slots(options.poolMax ?? poolMaxDefault);
  }

  /** From now on: CockroachDB, which is known only when it was asked, has none of it. */
  endAbandonedCopies(): void {
    this.#abandoned = new AbandonedCopies({
      abandonedAfterMs: this.#options.answerTimeoutMs ?? answerTimeoutDefaultMs,
      lookTimeoutMs: this.#options.connectTimeoutMs,
    });
  }

  async acquire(signal?: AbortSignal): Promise<Session> {
    await this.#slots.take(signal);
    try {
      const client = await abortable(this.#pool.connect(), signal);
      const connection = new PostgresConnection(client, this.#place);
      await this.#prepare(client, connection);
      await this.#abandoned?.end(client);
      return new Session(connection, this.#options);
    } catch (thrown) {
      this.#slots.give();
      throw describeDatabaseFailure(thrown, { database: this.#place });
    }
  }

  release(session: Session): void {
    // Every session of this class was made in `acquire`.
    (session.connection as PostgresConnection).release(session.isBroken);
    this.#slots.give();
  }

  async #prepare(client: PoolClient, connection: PostgresConnection): Promise<void> {
    if (this.#prepared.has(client)) return;
    const { connectTimeoutMs } = this.#options;
    // The driver knows this option; its types do not.
    const query = { text: sessionSettings(this.#options), query_timeout: connectTimeoutMs };
    try {
      await client.query(query);
      this.#prepared.add(client);
    } catch (error) {
      connection.release(true);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#slots.close(
      () =>
        new DatabaseError(`${this.#place} was closed by this program.`, {
          code: 'closed',
          retryable: false,
        }),
    );
    // The pool would turn away what was let in a moment ago and is on its way to a connection.
    await this.#slots.drained();
    await this.#pool.end();
  }
}

/** Stops waiting for a connection at the signal; one that arrives later goes back to the pool. */
async function abortable(connecting: Promise<PoolClient>, signal?: AbortSignal): Promise<PoolClient> {
  if (signal === undefined) return await connecting;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([connecting, aborted]);
  } catch (error) {
    if (signal.aborted) {
      void connecting.then(
        (client) => client.release(),
        () => undefined,
      );
    }
    throw error;
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
