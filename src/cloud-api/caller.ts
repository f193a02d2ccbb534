/**
 * A call to the Cloud API: turns, attempts and errors.
 *
 *   retry (p-retry) ─▶ turn (rate limiter) ─▶ exchange (transport) ─▶ status, version, body
 *
 * Retrying is outside and taking turns inside, so that every attempt is paced. The body is read after the slot is
 * given back. There is no other retry anywhere around the Cloud API.
 */
import { setMaxListeners } from 'node:events';
import pRetry from 'p-retry';
import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from '../errors.ts';
import type { ClientSettings } from './client-options.ts';
import { CloudApiError } from './cloud-api-error.ts';
import { type Transport, type TransportAnswer, TransportFailure } from './http-transport.ts';
import { UnusableBodyError } from './json-scan.ts';
import { closedError, type Priority } from './rate-limiter.ts';
import { doneAnyway, transportError, where } from './no-answer.ts';
import { refusal } from './refusal.ts';
import { decideRetry, retryFloorMs } from './retry-decision.ts';

export interface Call<Method extends string, Result> {
  readonly method: Method;
  /** After `/api/v1`, its parts already encoded (see `pathOf`). */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly signal: AbortSignal;
  /** Default `bulk`. */
  readonly priority?: Priority;
  /** Called at each attempt's turn, before it is sent. */
  readonly onTurn?: () => void;
  /** What the service account needs for this, as a part of a sentence. */
  readonly role?: string;
  /** What a 404 means for this call. */
  readonly notFound?: string;
  /** What the body holds that no message may repeat, e.g. a password. */
  readonly secrets?: readonly string[];
  /** Reads the body of a success; throws an `UnusableBodyError`. */
  read(answer: TransportAnswer): Result;
}

/** Why an attempt failed, as far as the retry decision needs to know more than the error says. */
interface AttemptFacts {
  readonly mayHaveArrived: boolean;
  readonly isCutOff: boolean;
}

export class Caller<Method extends string> {
  readonly settings: ClientSettings;
  readonly #transport: Transport<Method>;
  readonly #calls = new Set<AbortController>();
  readonly #facts = new WeakMap<Error, AttemptFacts>();
  #closing: Promise<void> | undefined;
  #hasMissedEcho = false;
  #inFlight = new Set<Promise<unknown>>();

  constructor(transport: Transport<Method>, settings: ClientSettings) {
    this.#transport = transport;
    this.settings = settings;
  }

  /** Rejects with a CloudApiError, with the signal's reason, or, once the client is closed, with `client_closed`. */
  async call<Result>(call: Call<Method, Result>): Promise<Result> {
    call.signal.throwIfAborted();
    if (this.#closing !== undefined) throw closedError();
    // Ends waiting (for a turn, for the next attempt) on the caller's signal and on close; an exchange that is under
    // way ends on the caller's signal alone.
    const waiting = new AbortController();
    const onAbort = (): void => waiting.abort(call.signal.reason);
    // Many parallel calls on one signal are normal here and no leak: every listener is taken off again.
    setMaxListeners(0, call.signal, waiting.signal);
    call.signal.addEventListener('abort', onAbort, { once: true });
    this.#calls.add(waiting);
    try {
      return await this.#callWithRetries(call, waiting.signal);
    } finally {
      call.signal.removeEventListener('abort', onAbort);
      this.#calls.delete(waiting);
    }
  }

  /** Rejects what waits, lets what is under way finish, and closes the connections. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const waiting of this.#calls) waiting.abort(closedError());
    if (this.settings.ownsLimiter) await this.settings.limiter.close();
    await Promise.allSettled(this.#inFlight);
    await this.#transport.close();
  }

  async #callWithRetries<Result>(call: Call<Method, Result>, waiting: AbortSignal): Promise<Result> {
    return await pRetry((attempt) => this.#attempt(call, attempt, waiting), {
      retries: this.settings.retry.attempts - 1,
      // The delay is waited for in onFailedAttempt; p-retry adds none of its own.
      factor: 1,
      minTimeout: 0,
      maxTimeout: 0,
      randomize: false,
      maxRetryTime: Number.POSITIVE_INFINITY,
      unref: false,
      signal: waiting,
      shouldRetry: () => true,
      shouldConsumeRetry: () => true,
      onFailedAttempt: async ({ error, attemptNumber }) => {
        const delayMs = this.#retryDelayMs(call, error, attemptNumber);
        if (delayMs === undefined) throw error;
        this.settings.logger.warn(
          {
            method: call.method,
            path: `/api/v1${call.path}`,
            attempt: attemptNumber,
            delayMs: Math.round(delayMs),
            error,
          },
          'cloud api request is tried again',
        );
        await waitFor(delayMs, waiting);
      },
    });
  }

  #retryDelayMs(call: Call<Method, unknown>, error: Error, attempt: number): number | undefined {
    if (!(error instanceof CloudApiError)) return undefined;
    const facts = this.#facts.get(error);
    return decideRetry(
      {
        code: error.code,
        status: error.status,
        retryAfterMs: error.retryAfterMs,
        isRead: call.method === 'GET',
        mayHaveArrived: facts?.mayHaveArrived ?? true,
        isCutOff: facts?.isCutOff ?? false,
        attempt,
      },
      this.settings.retry,
      Math.random(),
    );
  }

  async #attempt<Result>(call: Call<Method, Result>, attempt: number, waiting: AbortSignal): Promise<Result> {
    const { limiter } = this.settings;
    let secrets = call.secrets ?? [];
    const answer = await limiter.run(
      async () => {
        call.onTurn?.();
        const key = await this.#key();
        secrets = [key, ...secrets];
        return await this.#track(this.#exchange(call, key));
      },
      { priority: call.priority ?? 'bulk', signal: waiting },
    );
    this.settings.logger.debug(
      {
        method: call.method,
        path: `/api/v1${call.path}`,
        attempt,
        status: answer.status,
        bytes: answer.body.length,
      },
      'cloud api answered',
    );
    const description = { ...call, path: `/api/v1${call.path}`, version: this.settings.version, secrets };
    if (answer.status < 200 || answer.status >= 300) {
      if (answer.status === 404) this.#checkEcho(call, answer);
      const error = refusal(answer, description);
      this.#closeGate(error);
      throw error;
    }
    this.#checkEcho(call, answer);
    return this.#read(call, answer);
  }

  async #exchange(call: Call<Method, unknown>, key: string): Promise<TransportAnswer> {
    const startedAt = performance.now();
    let status: number | undefined;
    try {
      const answer = await this.#transport.send({
        method: call.method,
        url: this.#url(call),
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${key}`,
          'cc-version': this.settings.version,
          'user-agent': this.settings.userAgent,
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        signal: call.signal,
      });
      status = answer.status;
      return answer;
    } catch (error) {
      throw error instanceof TransportFailure ? this.#noAnswer(call, error) : error;
    } finally {
      this.settings.onRequest({ status, durationMs: performance.now() - startedAt });
    }
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#inFlight.add(work);
    try {
      return await work;
    } finally {
      this.#inFlight.delete(work);
    }
  }

  async #key(): Promise<string> {
    const { apiKey } = this.settings;
    const key = (typeof apiKey === 'string' ? apiKey : await apiKey()).trim();
    if (key === '') throw new UsageError('The API key is empty.');
    if (!/^[\x21-\x7e]+$/.test(key)) {
      throw new UsageError('The API key holds characters that no API key has; check how it was copied.');
    }
    return key;
  }

  #url(call: Call<Method, unknown>): URL {
    const url = new URL(`api/v1${call.path}`, this.settings.url);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    return url;
  }

  #closeGate(error: CloudApiError): void {
    const { retry, limiter } = this.settings;
    const floorMs = retryFloorMs(error, retry);
    if (floorMs > 0) limiter.closeGate(Math.min(floorMs, retry.delayMaxMs));
  }

  /** A server that answers in another version may mean other things by the same names. */
  #checkEcho(call: Call<Method, unknown>, answer: TransportAnswer): void {
    const header = answer.header('cc-version');
    // A live answer had the form `[2022-03-31]`.
    const echo = header?.replaceAll(/[[\]"\s]/g, '') ?? '';
    if (echo === this.settings.version) return;
    if (echo === '') {
      if (!this.#hasMissedEcho) {
        this.settings.logger.info({ version: this.settings.version }, 'cloud api does not name its version');
      }
      this.#hasMissedEcho = true;
      return;
    }
    const shown = echo.slice(0, 40).replaceAll(/[^\w.,-]/g, '?');
    throw new CloudApiError(
      `The Cloud API answered ${where(call)} in version ${shown}, not in ${this.settings.version} as asked. Set api.version to a version that it has.${doneAnyway(call)}`,
      { code: 'version_refused', retryable: false, status: answer.status },
    );
  }

  #noAnswer(call: Call<Method, unknown>, failure: TransportFailure): CloudApiError {
    const { url, requestTimeoutMs } = this.settings;
    const error = transportError(failure, call, { host: url.host, timeoutMs: requestTimeoutMs });
    this.#facts.set(error, { mayHaveArrived: failure.mayHaveArrived, isCutOff: false });
    return error;
  }

  #read<Result>(call: Call<Method, Result>, answer: TransportAnswer): Result {
    try {
      return call.read(answer);
    } catch (error) {
      if (!(error instanceof UnusableBodyError)) throw error;
      const type =
        answer.header('content-type')?.toLowerCase().includes('html') === true ? ' (it is HTML)' : '';
      const unusable = new CloudApiError(
        `The Cloud API's answer can't be used (${answer.status} on ${where(call)}): ${error.message}${type}. Check api.url and whether a proxy stands in between.${doneAnyway(call)}`,
        { code: 'response_unusable', retryable: error.isCutOff, status: answer.status },
      );
      this.#facts.set(unusable, { mayHaveArrived: true, isCutOff: error.isCutOff });
      throw unusable;
    }
  }
}

/** Joins and encodes the parts of a path. A part that a URL parser would take away is refused. */
export function pathOf(...parts: readonly string[]): string {
  return parts
    .map((part) => {
      if (part === '' || part === '.' || part === '..') {
        throw new UsageError(`"${part}" can't be an id or a name in the Cloud API.`);
      }
      return `/${encodeURIComponent(part)}`;
    })
    .join('');
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    // The timer rejects with an AbortError of its own; the reason says who ended it.
    throw signal.aborted ? signal.reason : error;
  }
}
