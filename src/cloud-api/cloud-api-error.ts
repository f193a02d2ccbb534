import { ExporterError } from '../errors.ts';

/** Why a call to the Cloud API failed; the codes are stable. */
export const cloudApiErrorCodes = [
  /** 401: the key is wrong, expired or revoked. */
  'key_refused',
  /** 403: the service account lacks the role. */
  'role_missing',
  /** 404. */
  'not_found',
  /** 400 for the `Cc-Version` header, or an answer in another version than was asked for. */
  'version_refused',
  /** Any other 4xx: the request itself is wrong. */
  'request_refused',
  /** 405 or 501: this server does not have the operation. */
  'operation_gone',
  /** The vendor's rate limit held on for all attempts. */
  'rate_limited',
  /** 5xx. */
  'server_failed',
  /** No answer: DNS, TCP, TLS, reset. */
  'unreachable',
  /** Headers or body did not come in time. */
  'timed_out',
  /** The body is larger than `responseMax`. */
  'response_too_large',
  /** 2xx, but not the JSON that the operation promises: HTML, cut off, not UTF-8, missing fields. */
  'response_unusable',
] as const;

export type CloudApiErrorCode = (typeof cloudApiErrorCodes)[number];

export interface CloudApiErrorOptions {
  readonly code: CloudApiErrorCode;
  readonly retryable: boolean;
  /** The HTTP status; undefined when there was no answer. */
  readonly status?: number | undefined;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A failed call: the message names the method and path, what was answered, and what to do. Never headers or bodies. */
export class CloudApiError extends ExporterError {
  override readonly name = 'CloudApiError';
  declare readonly code: CloudApiErrorCode;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: CloudApiErrorOptions) {
    super(message, {
      kind: 'source',
      code: options.code,
      retryable: options.retryable,
      cause: options.cause,
    });
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}
