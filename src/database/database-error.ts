import { ExporterError } from '../errors.ts';

export interface DatabaseErrorOptions {
  /** `commit_unknown`, `connection_lost`, `unreachable`, `denied`, `disk_full`, or `statement_failed`. */
  readonly code: string;
  readonly retryable: boolean;
  /** https://www.postgresql.org/docs/current/errcodes-appendix.html; undefined when the server said nothing. */
  readonly sqlState?: string | undefined;
  readonly cause?: unknown;
}

/** A failed statement or connection. The message never holds a URL, parameters or row values. */
export class DatabaseError extends ExporterError {
  override readonly name = 'DatabaseError';
  readonly sqlState: string | undefined;

  constructor(message: string, options: DatabaseErrorOptions) {
    super(message, { kind: 'store', code: options.code, retryable: options.retryable, cause: options.cause });
    this.sqlState = options.sqlState;
  }
}
