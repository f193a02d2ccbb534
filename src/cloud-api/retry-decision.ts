/**
 * Whether a failed request is sent again, and when. Pure, so that a table can test it.
 *
 * Looking (GET) may be repeated whenever it can help. A request that changes something is sent again only when it is
 * certain that it changed nothing: no connection was made, or the server said that it refused it for the rate. A 503
 * with `Retry-After` is no such promise, because a front end also answers it for a backend that had begun.
 */
import type { CloudApiErrorCode } from './cloud-api-error.ts';

export interface RetryPolicy {
  /** How often a request is sent at most, the first time included. */
  readonly attempts: number;
  /** The upper end of the first delay; it doubles with each attempt. */
  readonly backoffMs: number;
  /** The longest delay, also when `Retry-After` asks for more. */
  readonly delayMaxMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 6, backoffMs: 500, delayMaxMs: 60_000 };

export interface FailedAttempt {
  readonly code: CloudApiErrorCode;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** Whether the request only looks. */
  readonly isRead: boolean;
  /** False when no connection was made, so that the server can't have seen the request. */
  readonly mayHaveArrived: boolean;
  /** For `response_unusable`: the body ended too early. */
  readonly isCutOff: boolean;
  /** 1 for the first. */
  readonly attempt: number;
}

/** The delay in milliseconds before the next attempt; undefined: give up. `random` is in [0, 1). */
export function decideRetry(failed: FailedAttempt, policy: RetryPolicy, random: number): number | undefined {
  if (failed.attempt >= policy.attempts) return undefined;
  if (!canHelp(failed)) return undefined;
  if (!failed.isRead && !isSurelyUndone(failed)) return undefined;
  const exponential = policy.backoffMs * 2 ** Math.min(failed.attempt - 1, 30);
  const jitter = random * Math.min(exponential, policy.delayMaxMs);
  return Math.min(retryFloorMs(failed, policy) + jitter, policy.delayMaxMs);
}

/**
 * How long nothing should be sent at least. `Retry-After: 0`, or none, must not use up all attempts at once while the
 * limit lasts.
 */
export function retryFloorMs(
  failed: Pick<FailedAttempt, 'code' | 'retryAfterMs'>,
  policy: Pick<RetryPolicy, 'backoffMs'>,
): number {
  const asked = failed.retryAfterMs ?? 0;
  return asked === 0 && failed.code === 'rate_limited' ? policy.backoffMs : asked;
}

/** A front end in trouble answers a page of its own, with 200 too; a wrong address does so for ever. */
const unusableAttemptsMax = 3;

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function canHelp(failed: FailedAttempt): boolean {
  switch (failed.code) {
    case 'rate_limited':
    case 'server_failed':
    case 'unreachable':
    case 'timed_out':
      return true;
    case 'response_unusable':
      return failed.isCutOff || (isSuccess(failed.status) && failed.attempt < unusableAttemptsMax);
    case 'key_refused':
    case 'role_missing':
    case 'not_found':
    case 'version_refused':
    case 'operation_gone':
    case 'response_too_large':
      return false;
    case 'request_refused':
      return failed.status === 408;
    default:
      failed.code satisfies never;
      return false;
  }
}

function isSurelyUndone(failed: FailedAttempt): boolean {
  return failed.code === 'rate_limited' || !failed.mayHaveArrived;
}
