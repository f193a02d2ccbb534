/**
 * The errors of this program. Every one says what failed, on what, why, and what to do, in one message that is
 * safe to print anywhere: constructors take sentences, never headers, bodies or connection strings.
 *
 * `kind` names the part that failed and decides the exit code (see `exitCodes` in the command line);
 * `retryable` says whether the same call can succeed later without anybody changing anything.
 */
export const errorKinds = {
  /** A wrong command line or configuration. */
  usage: 'usage',
  /** The Cloud API refused or can't be used: key, role, feature, version, unreachable, not JSON. */
  source: 'source',
  /** The ledger's database is unavailable or not usable. */
  store: 'store',
  /** A sink's destination is unavailable or not usable. */
  sink: 'sink',
  /** Another process does this work or holds the embedded store. */
  held: 'held',
  /** Verification or reconciliation found something. */
  findings: 'findings',
  /** The operator, or a deadline, ended the work. */
  interrupted: 'interrupted',
} as const;

export type ErrorKind = keyof typeof errorKinds;

export interface ExporterErrorOptions {
  readonly kind: ErrorKind;
  /** Short stable name in snake_case for logs and JSON output, e.g. `role_missing`. */
  readonly code: string;
  /** Whether the same call can succeed later by itself. Default false. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

export class ExporterError extends Error {
  override readonly name: string = 'ExporterError';
  readonly kind: ErrorKind;
  readonly code: string;
  readonly retryable: boolean;

  constructor(message: string, options: ExporterErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = options.kind;
    this.code = options.code;
    this.retryable = options.retryable ?? false;
  }
}

/** A wrong command line or configuration, found before anything was done. */
export class UsageError extends ExporterError {
  override readonly name = 'UsageError';

  constructor(message: string, options: { readonly code?: string; readonly cause?: unknown } = {}) {
    super(message, { kind: 'usage', code: options.code ?? 'usage', cause: options.cause });
  }
}

/** Turns whatever was thrown into an Error, so that callers can rely on `message`. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** True for the error of an aborted signal, whichever library threw it. */
export function isAbort(thrown: unknown): boolean {
  return (
    thrown instanceof Error &&
    (thrown.name === 'AbortError' || ('code' in thrown && thrown.code === 'ABORT_ERR'))
  );
}
