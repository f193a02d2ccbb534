/** One checked-out connection of the pool. */
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { describeDatabaseFailure } from './postgres-errors.ts';
import type { Connection, StatementResult } from './session.ts';
import type { EncodedParameter } from './values.ts';

export class PostgresConnection implements Connection {
  readonly #client: PoolClient;
  readonly #place: string;
  #loss: Error | undefined;
  readonly #onError = (error: Error): void => {
    this.#loss ??= error;
  };

  constructor(client: PoolClient, place: string) {
    this.#client = client;
    this.#place = place;
    // The pool listens only to idle connections; one that breaks between two statements would end the process.
    client.on('error', this.#onError);
  }

  async execute(sql: string, parameters: EncodedParameter[]): Promise<StatementResult> {
    this.#throwIfLost();
    // Always the extended protocol, which refuses several statements in one text, as the embedded database does.
    const query = { text: sql, values: parameters, queryMode: 'extended' };
    const result = await this.#client.query(query);
    return {
      rows: result.rows,
      rowCount: result.rowCount ?? 0,
      columns: result.fields.map((field) => field.name),
      command: result.command,
    };
  }

  async copyIn(sql: string, data: Buffer): Promise<void> {
    this.#throwIfLost();
    await new Promise<void>((resolve, reject) => {
      const stream = this.#client.query(copyFrom(sql));
      // The stream may report more than once, and an error nobody listens to would end the process, so this stays.
      stream.on('error', reject);
      stream.on('finish', resolve);
      stream.end(data);
    });
  }

  describe(thrown: unknown, sql: string): unknown {
    return describeDatabaseFailure(thrown, { database: this.#place, sql });
  }

  /** Gives the connection back, or ends it when it must not be used again. */
  release(isBroken: boolean): void {
    this.#client.off('error', this.#onError);
    this.#client.release(isBroken || this.#loss !== undefined);
  }

  #throwIfLost(): void {
    if (this.#loss !== undefined) throw this.#loss;
  }
}
