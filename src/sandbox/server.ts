import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { toError } from '../errors.ts';
import { jsonAnswer, Refusal, type Answer } from './answer.ts';
import type { ApiRequest } from './api-request.ts';
import type { Clock } from './clock.ts';
import { deliver } from './deliver.ts';
import {
  answerInstead,
  deliveryAfter,
  deliveryBefore,
  rateLimitAnswer,
  spoilt,
  type Delivery,
} from './faults.ts';
import { prettyText } from './json-text.ts';
import type { RateLimit } from './rate-limit.ts';
import type { RequestLog } from './request-record.ts';
import type { Traps } from './traps.ts';
import { apiVersion, newestVersion, oldestVersion } from './versions.ts';

const bodyBytesMax = 1_024 * 1_024;

/** Who may call. A revoked key is answered 401 until it is restored. */
export interface KeyState {
  readonly key: string;
  isRevoked: boolean;
}

export interface ServerOptions {
  readonly api: (request: ApiRequest) => Answer;
  /** The operations of `/sandbox/`; undefined where they are not offered. */
  readonly control: ((method: string, url: URL, body: unknown) => Answer) | undefined;
  readonly key: KeyState;
  readonly traps: Traps;
  readonly clock: Clock;
  readonly rateLimit: RateLimit;
  readonly requests: RequestLog;
  readonly latencyMs: number;
}

/** The HTTP side: key, version, rate limit, faults, and the record of every request. */
export function createSandboxServer(options: ServerOptions): Server {
  return createServer((request, response) => {
    handle(request, response, options).catch((thrown: unknown) => {
      // The client went away in the middle of its request, or the connection can't be written to any more.
      response.destroy(toError(thrown));
    });
  });
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  const body = await readBody(request);
  if (options.latencyMs > 0) await delay(options.latencyMs);
  response.setHeader('server', 'ccloud-audit sandbox');
  dateHeader(response, options);
  const url = parsedUrl(request.url ?? '/');
  if (url === undefined) {
    deliver(response, new Refusal('invalidArgument', 'malformed request target').answer, 'whole');
    return;
  }
  if (!url.pathname.startsWith('/api/')) {
    deliver(response, ownAnswer(request, url, body, options), 'whole');
    return;
  }
  const { answer, delivery } = apiAnswer(request, url, body, options);
  const isAnswered = delivery !== 'reset' && delivery !== 'hang-headers';
  options.requests.add({
    method: request.method ?? '',
    path: url.pathname,
    query: url.search.slice(1),
    status: isAnswered ? answer.status : 0,
    at: options.clock.nowMs(),
  });
  deliver(response, answer, delivery);
}

function apiAnswer(
  request: IncomingMessage,
  url: URL,
  body: Buffer | undefined,
  options: ServerOptions,
): { readonly answer: Answer; readonly delivery: Delivery } {
  const { traps, clock } = options;
  const before = deliveryBefore(traps);
  const instead = before === 'whole' ? answerInstead(traps, clock) : undefined;
  if (before !== 'whole' || instead !== undefined) {
    return { answer: instead ?? jsonAnswer({}), delivery: before };
  }
  const answer = refusable(() => carriedOut(request, url, body, options));
  const isPretty = traps.has('pretty-printed') && answer.body.length > 0;
  const shaped = isPretty ? { ...answer, body: Buffer.from(prettyText(answer.body.toString())) } : answer;
  return { answer: spoilt(shaped, traps), delivery: deliveryAfter(traps, request.method ?? '') };
}

function carriedOut(
  request: IncomingMessage,
  url: URL,
  body: Buffer | undefined,
  { api, key, traps, clock, rateLimit }: ServerOptions,
): Answer {
  const token = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token !== key.key || key.isRevoked) throw new Refusal('unauthenticated', 'unauthenticated');
  const waitMs = rateLimit.take(token, clock.nowMs());
  if (waitMs !== undefined) return rateLimitAnswer(String(Math.max(1, Math.ceil(waitMs / 1_000))));
  const header = request.headers['cc-version'];
  if (traps.has('version-refused')) throw new Refusal('invalidArgument', 'invalid Cc-Version.');
  const version = apiVersion(
    Array.isArray(header) ? header[0] : header,
    traps.has('unversioned-is-oldest') ? oldestVersion : newestVersion,
  );
  const echo = traps.has('invalid-version-echo') && version !== oldestVersion ? oldestVersion : version;
  const answer = refusable(() =>
    api({
      method: request.method ?? 'GET',
      path: pathParts(url.pathname),
      query: url.searchParams,
      body: parsedBody(body),
      version,
    }),
  );
  return { ...answer, headers: { ...answer.headers, 'cc-version': echo } };
}

/** What is not the API: what this is, and the control surface. */
function ownAnswer(
  request: IncomingMessage,
  url: URL,
  body: Buffer | undefined,
  { control }: ServerOptions,
): Answer {
  return refusable(() => {
    if (url.pathname.startsWith('/sandbox/') && control !== undefined) {
      return control(request.method ?? 'GET', url, parsedBody(body));
    }
    if (url.pathname !== '/') throw new Refusal('notFound', 'Not Found');
    return jsonAnswer({
      name: 'ccloud-audit sandbox',
      description:
        'A local stand-in for the CockroachDB Cloud API, for trials and tests. Nothing here is real.',
      api: '/api/v1',
    });
  });
}

function refusable(operation: () => Answer): Answer {
  try {
    return operation();
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.answer;
    return new Refusal('internal', `The sandbox failed: ${toError(thrown).message}`).answer;
  }
}

function pathParts(pathname: string): readonly string[] {
  if (!pathname.startsWith('/api/v1/')) throw new Refusal('notFound', 'Not Found');
  try {
    return pathname
      .slice('/api/v1/'.length)
      .split('/')
      .map((part) => decodeURIComponent(part));
  } catch {
    throw new Refusal('invalidArgument', 'malformed escape in the path');
  }
}

function parsedUrl(target: string): URL | undefined {
  const base = 'http://sandbox.invalid';
  return URL.canParse(target, base) ? new URL(target, base) : undefined;
}

/** Undefined for a body over the limit, of which the rest is read and dropped. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    const buffer = piece as Buffer;
    bytes += buffer.length;
    if (bytes <= bodyBytesMax) pieces.push(buffer);
  }
  return bytes > bodyBytesMax ? undefined : Buffer.concat(pieces);
}

function parsedBody(body: Buffer | undefined): unknown {
  if (body === undefined) throw new Refusal('tooLarge', 'request body is larger than 1 MiB');
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new Refusal('invalidArgument', 'proto: syntax error (line 1:1): unexpected token');
  }
}

function dateHeader(response: ServerResponse, { traps, clock }: ServerOptions): void {
  response.sendDate = false;
  if (traps.has('no-date')) return;
  const skewMs = traps.has('clock-skew') ? -600_000 : traps.has('clock-ahead') ? 600_000 : 0;
  response.setHeader('date', new Date(clock.nowMs() + skewMs).toUTCString());
}
