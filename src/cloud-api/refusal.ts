/** Turns an answer that is no success into an error whose words name the call, the reason and what to do. */
import { redactSecrets } from '../redact.ts';
import { CloudApiError, type CloudApiErrorCode } from './cloud-api-error.ts';
import type { TransportAnswer } from './http-transport.ts';
import { isJsonObject, readJson } from './json-body.ts';
import { parseHttpDate, parseRetryAfter } from './retry-after.ts';

/** What a message may say about a call. Never its query or body. */
export interface CallDescription {
  readonly method: string;
  /** With `/api/v1`, without the query. */
  readonly path: string;
  /** What the service account needs, e.g. `the Organization Admin role`. */
  readonly role?: string | undefined;
  /** What a 404 means here and what to do; otherwise the thing was not found. */
  readonly notFound?: string | undefined;
  /** The API version that was asked for. */
  readonly version: string;
  /** Texts that must not appear in a message even if the server repeats them. */
  readonly secrets: readonly string[];
}

const serverWordsMax = 200;

/** For every status outside 200 to 299. */
export function refusal(answer: TransportAnswer, call: CallDescription): CloudApiError {
  const said = serverMessage(answer.body);
  const retryAfterMs = parseRetryAfter(
    answer.header('retry-after'),
    parseHttpDate(answer.header('date')) ?? Date.now(),
  );
  const code = codeOf(answer.status, said, retryAfterMs);
  const words = quotable(said, call.secrets);
  const where = `${answer.status} on ${call.method} ${call.path}`;
  const message = [
    sentence(code, where, call, answer),
    ...(words === '' ? [] : [`The server says: "${words}".`]),
  ];
  return new CloudApiError(message.join(' '), {
    code,
    retryable: code === 'rate_limited' || code === 'server_failed' || answer.status === 408,
    status: answer.status,
    retryAfterMs,
  });
}

/**
 * The vendor does not state the status of a rate limit, so its text and `Retry-After` count on every status
 * (https://www.cockroachlabs.com/docs/cockroachcloud/cloud-api). A 5xx with `Retry-After` stays the server's failure.
 */
function codeOf(status: number, said: string, retryAfterMs: number | undefined): CloudApiErrorCode {
  if (status === 429 || /rate limit exceeded/i.test(said)) return 'rate_limited';
  if (retryAfterMs !== undefined && (status < 500 || status === 501)) return 'rate_limited';
  if (status === 400 && /invalid\s+cc-version/i.test(said)) return 'version_refused';
  if (status === 401) return 'key_refused';
  if (status === 403) return 'role_missing';
  if (status === 404) return 'not_found';
  if (status === 405 || status === 501) return 'operation_gone';
  if (status >= 500) return 'server_failed';
  return status >= 400 ? 'request_refused' : 'response_unusable';
}

function sentence(
  code: CloudApiErrorCode,
  where: string,
  call: CallDescription,
  answer: TransportAnswer,
): string {
  switch (code) {
    case 'rate_limited':
      return `The Cloud API's rate limit was reached (${where}). The vendor allows 10 requests per second per service account; lower api.requestsPerSecond if other tools use the same one.`;
    case 'version_refused':
      return `The Cloud API refused the version ${call.version} (${where}). Set api.version to one that it knows.`;
    case 'key_refused':
      return `The Cloud API refused the key (${where}). It is wrong, expired or revoked: check the API key.`;
    case 'role_missing':
      return `The Cloud API refused the key (${where}). Its service account needs ${call.role ?? 'a role that allows this'}.`;
    case 'not_found':
      return `The Cloud API found nothing (${where}). ${call.notFound ?? 'Check the names and ids.'}`;
    case 'operation_gone':
      return `The Cloud API does not have this operation (${where}) in version ${call.version}.`;
    case 'server_failed':
      return `The Cloud API failed (${where}). Try again later.`;
    case 'response_unusable':
      return `The Cloud API answered with a redirect (${where}${redirectTarget(answer)}). Redirects are not followed, because the key must not reach another host: check api.url and whether a proxy or login page stands in between.`;
    case 'request_refused':
    case 'response_too_large':
    case 'timed_out':
    case 'unreachable':
      return `The Cloud API refused the request (${where}).`;
    default:
      throw new TypeError(code satisfies never);
  }
}

function redirectTarget(answer: TransportAnswer): string {
  const location = answer.header('location') ?? '';
  const host = URL.canParse(location) ? new URL(location).host : '';
  return host === '' ? '' : ` to ${host}`;
}

/** The `message` of a google.rpc.Status, or a bare text; empty for anything else, HTML above all. */
function serverMessage(body: Buffer): string {
  const text = body.toString('utf8').trim();
  if (text === '' || text.startsWith('<')) return '';
  try {
    const parsed = readJson(body);
    if (typeof parsed === 'string') return parsed;
    return isJsonObject(parsed) && typeof parsed['message'] === 'string' ? parsed['message'] : '';
  } catch {
    // Not JSON: a bare text, unless it looks like a piece of some.
    return /^[{[]/.test(text) ? '' : text;
  }
}

/** Somebody else's words, made safe to print: one line, no control characters, no secrets, not long. */
export function quotable(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, '[hidden]');
  // Control and formatting characters could move a terminal's cursor or reverse what is read.
  clean = redactSecrets(clean.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')).trim();
  return clean.length > serverWordsMax ? `${clean.slice(0, serverWordsMax - 1)}…` : clean;
}
