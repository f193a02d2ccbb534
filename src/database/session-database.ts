/** A `Database` made of sessions: what both adapters have in common. */
import type {
  Database,
  DatabaseKind,
  Queryable,
  QueryOptions,
  QueryResult,
  SqlParameter,
} from './database.ts';
import type { Session } from './session.ts';
import { runTransaction, type Sessions } from './transaction.ts';

export interface SessionDatabaseOptions {
  readonly kind: DatabaseKind;
  readonly fingerprint: string;
  readonly sessions: Sessions;
  /** Ends everything; called once. */
  readonly close: () => Promise<void>;
}

// Always said, because a server, a database or a role can have another default.
const begins: Readonly<Record<DatabaseKind, string>> = {
  postgresql: 'BEGIN ISOLATION LEVEL READ COMMITTED',
  cockroachdb: 'BEGIN ISOLATION LEVEL SERIALIZABLE',
  pglite: 'BEGIN ISOLATION LEVEL READ COMMITTED',
};

export class SessionDatabase implements Database {
  readonly kind: DatabaseKind;
  readonly fingerprint: string;
  readonly #sessions: Sessions;
  readonly #end: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(options: SessionDatabaseOptions) {
    this.kind = options.kind;
    this.fingerprint = options.fingerprint;
    this.#sessions = options.sessions;
    this.#end = options.close;
  }

  async query<R extends object>(sql: string, parameters?: readonly SqlParameter[]): Promise<QueryResult<R>> {
    // The caller names the shape of the rows of its own statement.
    return (await this.#use((session) => session.run(sql, parameters))) as unknown as QueryResult<R>;
  }

  async copyIn(sql: string, data: Buffer): Promise<void> {
    await this.#use((session) => session.copyIn(sql, data));
  }

  async transaction<T>(body: (transaction: Queryable) => Promise<T>, options?: QueryOptions): Promise<T> {
    return await runTransaction(this.#sessions, body, { begin: begins[this.kind], signal: options?.signal });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #use<T>(step: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#sessions.acquire();
    try {
      return await step(session);
    } finally {
      this.#sessions.release(session);
    }
  }
}
