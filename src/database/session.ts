/**
 * One connection while somebody uses it: statements run one after another, in the order they were asked for, and the
 * first failure is remembered, because after it PostgreSQL turns COMMIT into ROLLBACK.
 */
import type { QueryResult, SqlParameter, SqlValue } from './database.ts';
import { DatabaseError } from './database-error.ts';
import { encodeParameters, type EncodedParameter } from './values.ts';

export interface StatementResult extends QueryResult<Readonly<Record<string, SqlValue>>> {
  /** The command tag's first word, `COMMIT` or `ROLLBACK` after a COMMIT. */
  readonly command: string;
}

/** What an adapter offers of one physical connection. Rejections are what the driver threw. */
export interface Connection {
  execute(sql: string, parameters: EncodedParameter[]): Promise<StatementResult>;
  copyIn(sql: string, data: Buffer): Promise<void>;
  /** Turns what the driver threw into the error to reject with. */
  describe(thrown: unknown, sql: string): unknown;
}

/** Watches every statement, BEGIN, COMMIT and ROLLBACK included; a rejection counts as the statement's own failure. */
export interface StatementHooks {
  /** Called before a statement is sent. */
  readonly onStatement?: ((sql: string) => void | Promise<void>) | undefined;
  /** Called when a statement has succeeded, before its result is handed over: the place where an answer gets lost. */
  readonly afterStatement?: ((sql: string) => void | Promise<void>) | undefined;
}

export class Session {
  readonly connection: Connection;
  readonly #hooks: StatementHooks;
  #tail: Promise<unknown> = Promise.resolve();
  #failure: DatabaseError | undefined;
  #isBroken = false;

  constructor(connection: Connection, hooks: StatementHooks) {
    this.connection = connection;
    this.#hooks = hooks;
  }

  /** The first statement that failed, if one did. */
  get failure(): DatabaseError | undefined {
    return this.#failure;
  }

  /** True when the connection must not be used again. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Marks the connection as not to be used again. */
  abandon(): void {
    this.#isBroken = true;
  }

  run(sql: string, parameters: readonly SqlParameter[] = []): Promise<StatementResult> {
    return this.#inOrder(sql, () => this.connection.execute(sql, encodeParameters(parameters)));
  }

  copyIn(sql: string, data: Buffer): Promise<void> {
    return this.#inOrder(sql, async () => {
      try {
        await this.connection.copyIn(sql, data);
      } catch (thrown) {
        // A COPY that failed half-way leaves the protocol in a state that is not worth knowing.
        this.#isBroken = true;
        throw thrown;
      }
    });
  }

  #inOrder<T>(sql: string, step: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => this.#watch(sql, step));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #watch<T>(sql: string, step: () => Promise<T>): Promise<T> {
    // What broke the connection is the truth; a second statement on it would only say that it is closed.
    if (this.#isBroken && this.#failure !== undefined) throw this.#failure;
    try {
      await this.#hooks.onStatement?.(sql);
      const result = await step();
      await this.#hooks.afterStatement?.(sql);
      return result;
    } catch (thrown) {
      const error = this.connection.describe(thrown, sql);
      if (error instanceof DatabaseError) {
        this.#failure ??= error;
        if (breaksConnection(error)) this.#isBroken = true;
      } else {
        // Nobody knows what an error that is not the database's did to the connection.
        this.#isBroken = true;
      }
      throw error;
    }
  }
}

function breaksConnection(error: DatabaseError): boolean {
  // A server that became read only was replaced as primary: only a new connection finds the new one.
  return ['connection_lost', 'unreachable', 'read_only'].includes(error.code) || error.sqlState === '40003';
}
