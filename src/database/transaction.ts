/**
 * Transactions over sessions, the same for every adapter.
 *
 *   BEGIN ─▶ body ─▶ COMMIT ─▶ done
 *              │        ├─ refused: nothing was committed; 40001 and 40P01 start again
 *              │        └─ no answer: `commit_unknown`, nobody may repeat it blindly
 *              └─ failed or aborted ─▶ ROLLBACK, or the connection is thrown away
 *
 * Once COMMIT was sent no signal is looked at any more: an abort must never turn a committed write into an error.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Queryable, QueryResult, SqlParameter } from './database.ts';
import { DatabaseError } from './database-error.ts';
import type { Session } from './session.ts';

/** Where sessions come from. */
export interface Sessions {
  acquire(signal?: AbortSignal): Promise<Session>;
  /** Gives the session back; one that is broken is thrown away. */
  release(session: Session): void;
}

export interface TransactionOptions {
  /** The statement that opens it, with the isolation level. */
  readonly begin: string;
  readonly signal?: AbortSignal | undefined;
}

const retriesMax = 10;
const backoffFirstMs = 10;
const backoffMaxMs = 1000;

export async function runTransaction<T>(
  sessions: Sessions,
  body: (transaction: Queryable) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  for (let retries = 0; ; retries += 1) {
    const session = await sessions.acquire(options.signal);
    try {
      return await attempt(session, body, options);
    } catch (error) {
      if (retries === retriesMax || !canStartAgain(session, error)) throw error;
    } finally {
      sessions.release(session);
    }
    await backOff(retries, options.signal);
  }
}

async function attempt<T>(
  session: Session,
  body: (transaction: Queryable) => Promise<T>,
  { begin, signal }: TransactionOptions,
): Promise<T> {
  const transaction = new OpenTransaction(session, signal);
  let result: T;
  try {
    signal?.throwIfAborted();
    await session.run(begin);
    result = await body(transaction);
    signal?.throwIfAborted();
  } catch (error) {
    transaction.end();
    await rollBack(session);
    throw error;
  }
  transaction.end();
  try {
    await commit(session);
  } catch (error) {
    await rollBack(session);
    throw error;
  }
  return result;
}

async function commit(session: Session): Promise<void> {
  // A session that broke inside the body has sent no COMMIT: that outcome is known, whatever the body made of it.
  if (session.isBroken && session.failure !== undefined) throw session.failure;
  let command: string;
  try {
    ({ command } = await session.run('COMMIT'));
  } catch (error) {
    throw error instanceof DatabaseError && isOutcomeUnknown(error) ? commitUnknown(error) : error;
  }
  if (command === 'COMMIT') return;
  throw (
    session.failure ??
    new DatabaseError('The database rolled the transaction back instead of committing it.', {
      code: 'statement_failed',
      retryable: true,
    })
  );
}

async function rollBack(session: Session): Promise<void> {
  if (session.isBroken) return;
  try {
    await session.run('ROLLBACK');
  } catch {
    // The reason for rolling back is what the caller must hear of. The server rolls back when a connection ends.
    session.abandon();
  }
}

function isOutcomeUnknown(error: DatabaseError): boolean {
  return error.code === 'connection_lost' || error.sqlState === '40003';
}

function commitUnknown(error: DatabaseError): DatabaseError {
  return new DatabaseError(
    `Whether the transaction was committed is unknown: ${error.message} The protected row tells it once the database answers.`,
    { code: 'commit_unknown', retryable: true, sqlState: error.sqlState, cause: error },
  );
}

function canStartAgain(session: Session, thrown: unknown): boolean {
  if (thrown instanceof DatabaseError && thrown.code === 'commit_unknown') return false;
  // The body may have wrapped the error, so what the session saw decides.
  const sqlState = session.failure?.sqlState;
  return sqlState === '40001' || sqlState === '40P01';
}

/** Full jitter between nothing and a limit that doubles. */
async function backOff(retries: number, signal: AbortSignal | undefined): Promise<void> {
  const limitMs = Math.min(backoffFirstMs * 2 ** retries, backoffMaxMs);
  try {
    await wait(Math.random() * limitMs, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

class OpenTransaction implements Queryable {
  readonly #session: Session;
  readonly #signal: AbortSignal | undefined;
  #hasEnded = false;

  constructor(session: Session, signal: AbortSignal | undefined) {
    this.#session = session;
    this.#signal = signal;
  }

  end(): void {
    this.#hasEnded = true;
  }

  async query<R extends object>(sql: string, parameters?: readonly SqlParameter[]): Promise<QueryResult<R>> {
    this.#check();
    // The caller names the shape of the rows of its own statement.
    return (await this.#session.run(sql, parameters)) as unknown as QueryResult<R>;
  }

  async copyIn(sql: string, data: Buffer): Promise<void> {
    this.#check();
    await this.#session.copyIn(sql, data);
  }

  #check(): void {
    if (this.#hasEnded) throw new Error('A statement was sent to a transaction that has already ended');
    this.#signal?.throwIfAborted();
  }
}
