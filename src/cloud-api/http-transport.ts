/**
 * One HTTP exchange: bounded in time (one deadline over connecting, headers and the whole body) and in size. It does
 * not follow redirects, so that the key never reaches another host, and it does not try again.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request as undiciRequest } from 'undici';
import { toError } from '../errors.ts';

export type ReadMethod = 'GET';
export type WriteMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface TransportRequest<Method extends string> {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface TransportAnswer {
  readonly status: number;
  /** One header as text, however often it was sent. */
  header(name: string): string | undefined;
  readonly body: Buffer;
}

export interface Transport<Method extends string> {
  /** Rejects with a `TransportFailure`, or with the signal's reason. */
  send(request: TransportRequest<Method>): Promise<TransportAnswer>;
  close(): Promise<void>;
}

export interface TransportOptions<Method extends string> {
  /** Nothing else is ever sent. */
  readonly methods: readonly Method[];
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  /** Whether HTTPS_PROXY and NO_PROXY hold. Never for plain HTTP, where a proxy would see the key. */
  readonly usesProxy: boolean;
}

/** No answer that can be used, and why. */
export class TransportFailure extends Error {
  override readonly name = 'TransportFailure';
  readonly reason: 'unreachable' | 'timed_out' | 'too_large' | 'encoding';
  /** False when no connection was made. */
  readonly mayHaveArrived: boolean;

  constructor(
    message: string,
    options: {
      readonly reason: TransportFailure['reason'];
      readonly mayHaveArrived: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = options.reason;
    this.mayHaveArrived = options.mayHaveArrived;
  }
}

/** More than any explanation needs, and little enough for a proxy's error page. */
const errorBodyBytesMax = 64 * 1024;
const connectTimeoutMs = 10_000;

export function createTransport<const Method extends string>(
  options: TransportOptions<Method>,
): Transport<Method> {
  const dispatcher = createDispatcher(options);
  return {
    async send(request): Promise<TransportAnswer> {
      if (!options.methods.includes(request.method)) {
        throw new TypeError(`this client never sends ${request.method}`);
      }
      request.signal.throwIfAborted();
      const deadline = new AbortController();
      const onAbort = (): void => deadline.abort(request.signal.reason);
      const timer = setTimeout(() => {
        deadline.abort(new TransportFailure(`no whole answer within ${options.timeoutMs} ms`, timedOut));
      }, options.timeoutMs);
      request.signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await exchange(request, { dispatcher, signal: deadline.signal, ...options });
      } catch (error) {
        if (deadline.signal.aborted) throw deadline.signal.reason;
        throw error instanceof TransportFailure ? error : failureOf(error);
      } finally {
        clearTimeout(timer);
        request.signal.removeEventListener('abort', onAbort);
      }
    },
    close: () => dispatcher.close(),
  };
}

const timedOut = { reason: 'timed_out', mayHaveArrived: true } as const;

/** Memory for that much is worth being asked for at once. */
const largeBytes = 64 * 1024;

interface Exchange {
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
  readonly bodyBytesMax: number;
}

function createDispatcher(options: { readonly timeoutMs: number; readonly usesProxy: boolean }): Dispatcher {
  const agentOptions: Agent.Options = {
    connect: { timeout: Math.min(connectTimeoutMs, options.timeoutMs) },
    connections: null,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 60_000,
    // The deadline covers both; it starts earlier and does not start anew with every chunk.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  };
  return options.usesProxy ? new EnvHttpProxyAgent(agentOptions) : new Agent(agentOptions);
}

async function exchange(request: TransportRequest<string>, options: Exchange): Promise<TransportAnswer> {
  const answer = await undiciRequest(request.url, {
    method: request.method,
    headers: { ...request.headers, 'accept-encoding': 'gzip' },
    body: request.body ?? null,
    dispatcher: options.dispatcher,
    signal: options.signal,
  });
  const header = (name: string): string | undefined => {
    const value = answer.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  const status = answer.statusCode;
  if (status >= 200 && status < 300) {
    const sent = await readBody(answer.body, options.bodyBytesMax, Number(header('content-length')));
    return { status, header, body: await decode(sent, header('content-encoding'), options.bodyBytesMax) };
  }
  return { status, header, body: await readErrorBody(answer.body, header, options.signal) };
}

/** With the length that was announced, a large body is put together as it comes: its chunks are let go at once. */
async function readBody(
  stream: AsyncIterable<Buffer>,
  bytesMax: number,
  bytesAnnounced: number = 0,
): Promise<Buffer> {
  if (bytesAnnounced >= largeBytes && bytesAnnounced <= bytesMax)
    return await readInto(stream, bytesAnnounced);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length);
}

async function readInto(stream: AsyncIterable<Buffer>, bytes: number): Promise<Buffer> {
  const body = Buffer.allocUnsafeSlow(bytes);
  let end = 0;
  // The parser of HTTP lets no more than the announced bytes through, and rejects where they are fewer.
  for await (const chunk of stream) end += chunk.copy(body, end);
  return end === bytes ? body : body.subarray(0, end);
}

/** The status is known, so a body that can't be read takes nothing away: the answer is reported without words. */
async function readErrorBody(
  stream: AsyncIterable<Buffer>,
  header: TransportAnswer['header'],
  signal: AbortSignal,
): Promise<Buffer> {
  try {
    const sent = await readBody(stream, errorBodyBytesMax);
    return await decode(sent, header('content-encoding'), errorBodyBytesMax);
  } catch {
    if (signal.aborted && !(signal.reason instanceof TransportFailure)) throw signal.reason;
    return Buffer.alloc(0);
  }
}

const unzip = promisify(gunzip);

async function decode(body: Buffer, encoding: string | undefined, bytesMax: number): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? 'identity';
  if (name === '' || name === 'identity') return body;
  if (name !== 'gzip' && name !== 'x-gzip') {
    throw new TransportFailure('the body is encoded in a way that was not asked for', {
      reason: 'encoding',
      mayHaveArrived: true,
    });
  }
  if (body.length === 0) return body;
  try {
    return await unzip(body, { maxOutputLength: bytesMax });
  } catch (error) {
    if (toError(error).message.includes('larger than') || codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(bytesMax);
    }
    // A cut stream is the usual reason, and that is a matter of the line.
    throw new TransportFailure('the gzip body is cut off or damaged', {
      reason: 'unreachable',
      mayHaveArrived: true,
    });
  }
}

function tooLarge(bytesMax: number): TransportFailure {
  return new TransportFailure(`the body is larger than ${bytesMax} bytes`, {
    reason: 'too_large',
    mayHaveArrived: true,
  });
}

/** Looking up and connecting come before anything is sent. */
const earlySteps: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo']);

function failureOf(thrown: unknown): TransportFailure {
  const error = toError(thrown);
  // Several addresses were tried: the first failure stands for all.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const name = codeOf(error) ?? codeOf(first) ?? codeOf(error.cause);
  const isConnectTimeout = name === 'UND_ERR_CONNECT_TIMEOUT';
  const isEarly = first instanceof Error && 'syscall' in first && earlySteps.has(first.syscall);
  return new TransportFailure(name ?? 'the connection failed', {
    reason: isConnectTimeout ? 'timed_out' : 'unreachable',
    mayHaveArrived: !isConnectTimeout && !isEarly,
    cause: error,
  });
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}
