import { UsageError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { RateLimiter } from './rate-limiter.ts';
import { defaultRetryPolicy, type RetryPolicy } from './retry-decision.ts';

/** The API key, or where to get it for each request, e.g. from a file that is read again when it changes. */
export type ApiKey = string | (() => Promise<string>);

/** One attempt, for metrics. */
export interface RequestReport {
  /** Undefined when there was no answer. */
  readonly status: number | undefined;
  readonly durationMs: number;
}

export interface CloudApiOptions {
  readonly apiKey: ApiKey;
  /** Where the API is, without `/api/v1`. The key goes only to https or to loopback. Default: the vendor's address. */
  readonly url?: string;
  /** `Cc-Version`, sent with every request; an answer in another version is an error. Default 2024-09-16. */
  readonly version?: string;
  /** The vendor allows 10 per service account; the default of 8 leaves some to other tools. */
  readonly requestsPerSecond?: number;
  /** How many requests may be under way at once. Default 16. */
  readonly concurrency?: number;
  /** Several clients that use one key share its limiter; `requestsPerSecond` and `concurrency` are then its own. */
  readonly limiter?: RateLimiter;
  /** For connecting, headers and body together. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Larger answers are refused. Default 256 MiB. */
  readonly responseMaxBytes?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly userAgent?: string;
  readonly logger?: Pick<Logger, 'debug' | 'info' | 'warn'>;
  /** Called after every attempt. */
  readonly onRequest?: (report: RequestReport) => void;
}

export const defaultUrl = 'https://cockroachlabs.cloud';
export const defaultVersion = '2024-09-16';

export interface ClientSettings {
  readonly apiKey: ApiKey;
  readonly url: URL;
  readonly version: string;
  readonly limiter: RateLimiter;
  readonly ownsLimiter: boolean;
  readonly requestTimeoutMs: number;
  readonly responseMaxBytes: number;
  readonly retry: RetryPolicy;
  readonly userAgent: string;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn'>;
  readonly onRequest: (report: RequestReport) => void;
}

const silent: ClientSettings['logger'] = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
};

/** Fills in the defaults. Throws a UsageError for what can't work. */
export function resolveOptions(options: CloudApiOptions): ClientSettings {
  const version = options.version ?? defaultVersion;
  if (!/^\d{4}-\d{2}-\d{2}$/.test(version)) {
    throw new UsageError(`The API version "${version}" is not a date like ${defaultVersion}.`);
  }
  const requestsPerSecond = positive('requestsPerSecond', options.requestsPerSecond ?? 8);
  const concurrency = positive('concurrency', options.concurrency ?? 16);
  return {
    apiKey: options.apiKey,
    url: checkUrl(options.url ?? defaultUrl),
    version,
    limiter: options.limiter ?? new RateLimiter({ requestsPerSecond, concurrency }),
    ownsLimiter: options.limiter === undefined,
    requestTimeoutMs: positive('requestTimeoutMs', options.requestTimeoutMs ?? 30_000),
    responseMaxBytes: positive('responseMaxBytes', options.responseMaxBytes ?? 256 * 1024 * 1024),
    retry: resolveRetry({ ...defaultRetryPolicy, ...options.retry }),
    userAgent: options.userAgent ?? 'ccloud-audit-export',
    logger: options.logger ?? silent,
    onRequest: options.onRequest ?? ((): void => undefined),
  };
}

/** Whether requests to this URL stay on this machine. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(url.hostname);
}

/** The base URL, ending in `/`. */
function checkUrl(text: string): URL {
  if (!URL.canParse(text))
    throw new UsageError('The Cloud API url is not a URL like https://cockroachlabs.cloud.');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new UsageError('The Cloud API url must not hold credentials, a query or a fragment.');
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    throw new UsageError(
      `The Cloud API url ${url.origin} is neither https nor loopback: the API key would be readable on the way. Use https.`,
    );
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function resolveRetry(policy: RetryPolicy): RetryPolicy {
  positive('retry.backoffMs', policy.backoffMs);
  positive('retry.delayMaxMs', policy.delayMaxMs);
  if (Number.isSafeInteger(policy.attempts) && policy.attempts >= 1) return policy;
  throw new UsageError(`retry.attempts must be a whole number of at least 1, not ${policy.attempts}.`);
}

function positive(name: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`${name} must be a positive number, not ${value}.`);
}
