import { ExporterError, toError } from '../errors.ts';

export interface Failure {
  readonly error: Error;
  readonly code: string;
  readonly sentence: string;
  /** Nothing changes by itself: an operator has to do something. */
  readonly isStopped: boolean;
  /** How long to wait at least before the next try. */
  readonly pauseMs: number;
}

const secondMs = 1000;

/** Refusals by the vendor are asked about again seldom: the operator mends them, and the key is not hammered. */
const refusedPauseMs = 60 * secondMs;
/** A stopped delivery looks again from time to time: what an operator mended needs no restart then. */
const stoppedPauseMs = 5 * 60 * secondMs;

/** What a job makes of what was thrown at it. */
export function toFailure(thrown: unknown): Failure {
  const error = toError(thrown);
  if (!(error instanceof ExporterError)) {
    return { error, code: 'unexpected', sentence: error.message, isStopped: false, pauseMs: refusedPauseMs };
  }
  const isStopped = !error.retryable && error.kind !== 'source';
  const pauseMs = error.retryable ? 0 : isStopped ? stoppedPause(error) : refusedPauseMs;
  return { error, code: error.code, sentence: error.message, isStopped, pauseMs };
}

/** A sink that refuses entry after entry would park a few more at every new look: only a restart is one. */
function stoppedPause(error: ExporterError): number {
  return error.code === 'too_many_refused' ? Number.POSITIVE_INFINITY : stoppedPauseMs;
}

/** Whether another try, later and by itself, can succeed. */
export function isWorthRepeating(thrown: unknown): boolean {
  return thrown instanceof ExporterError && thrown.retryable;
}
