/**
 * One SQL database, whichever it is: PostgreSQL or CockroachDB by URL, or the embedded PGlite in a directory.
 * This room knows connections and SQLSTATEs; it knows no table of ours.
 *
 * Every value comes back as text or number as PostgreSQL printed it: int8 as string, timestamptz as string (never
 * `Date`, which would cut microseconds), bytea as Buffer, json and jsonb as text.
 */
export type SqlValue = string | number | bigint | boolean | Buffer | null;
export type SqlParameter = SqlValue | readonly SqlValue[];
export type Row = Readonly<Record<string, SqlValue>>;

export interface QueryOptions {
  readonly signal?: AbortSignal;
}

/** Where statements run: the database itself (each on its own) or one transaction of it. */
export interface Queryable {
  /** Runs one statement; parameters are `$1`, `$2`, … A bigint is sent as its decimal text, an array as a PostgreSQL array. */
  query<R extends object = Row>(sql: string, parameters?: readonly SqlParameter[]): Promise<QueryResult<R>>;
  /**
   * Runs `COPY … FROM STDIN` with the bytes of `data`, whose format is what `sql` says.
   * `sql` is the whole statement: `COPY t (a, b) FROM STDIN WITH (FORMAT binary)`.
   */
  copyIn(sql: string, data: Buffer): Promise<void>;
}

export interface QueryResult<R extends object> {
  readonly rows: R[];
  /** Rows returned or changed. */
  readonly rowCount: number;
  /** Column names in the order of the statement; needed where rows are printed. */
  readonly columns: readonly string[];
}

export type DatabaseKind = 'postgresql' | 'cockroachdb' | 'pglite';

export interface Database extends Queryable {
  readonly kind: DatabaseKind;
  /** Host, port and database, or the directory: what tells one database from another. Never user or password. */
  readonly fingerprint: string;
  /**
   * Runs `body` in one transaction: READ COMMITTED on PostgreSQL, SERIALIZABLE on CockroachDB. Commits when it
   * resolves, rolls back when it rejects. The whole of it is run again after 40001 and 40P01, at most ten times with
   * jittered backoff, so `body` may run more than once and must have no effect outside the database.
   * When the outcome of COMMIT is unknown (40003, or the connection broke during COMMIT) it rejects with a
   * DatabaseError of code `commit_unknown`: read the protected row to learn what happened.
   * Inside `body` only its own `transaction` may be used; on the embedded database anything else waits for ever.
   */
  transaction<T>(body: (transaction: Queryable) => Promise<T>, options?: QueryOptions): Promise<T>;
  /** Present where nobody else tidies up: `VACUUM (ANALYZE)` of one table (`table` or `schema.table`), or of all. */
  readonly maintain?: (table?: string) => Promise<void>;
  /** Ends all connections after what is running. Idempotent. */
  close(): Promise<void>;
}
