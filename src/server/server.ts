/**
 * Metrics, health and status over HTTP, for orchestrators and monitors. It carries no entries and no secrets, changes
 * nothing, and answers in bounded time whatever the store does.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Status } from '../exporter/status.ts';
import { ExporterError, toError, UsageError } from '../errors.ts';
import { describeError, type Logger } from '../logger.ts';
import { redactSecrets } from '../redact.ts';
import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly metrics: Pick<Metrics, 'contentType' | 'scrape'>;
  readonly readiness: () => Promise<Readiness>;
  /** Rejects while there is none to tell. */
  readonly status: () => Promise<Status>;
  readonly logger: Logger;
}

export interface RunningServer {
  readonly port: number;
  /** Answers what was asked already, for a second at most, then cuts every connection. Idempotent. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

type Route = () => Promise<Answer>;

const limits = {
  headerBytesMax: 8 * 1024,
  connectionsMax: 100,
  headersTimeoutMs: 5000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 5000,
  socketTimeoutMs: 30_000,
  closeGraceMs: 1000,
};

/** Throws a UsageError (`server_address`) when the address can't be had. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const routes = createRoutes(options);
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => void respond(routes, { request, response, logger: options.logger }),
  );
  server.maxConnections = limits.connectionsMax;
  server.setTimeout(limits.socketTimeoutMs);
  server.listen(options.port, options.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw addressUnusable(options, error);
  }
  server.on('error', (error) => options.logger.warn({ error: describeError(error) }, 'http server failed'));
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return { port, close: () => (closing ??= closeServer(server)) };
}

function createRoutes(options: ServerOptions): ReadonlyMap<string, Route> {
  const { metrics, readiness, status } = options;
  return new Map<string, Route>([
    ['/metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.scrape() })],
    ['/healthz', () => Promise.resolve(json(200, { status: 'ok' }))],
    [
      '/readyz',
      async () => {
        const { isReady, reasons } = await readiness();
        return json(isReady ? 200 : 503, { ready: isReady, reasons });
      },
    ],
    ['/status', async () => json(200, await status())],
  ]);
}

async function respond(
  routes: ReadonlyMap<string, Route>,
  exchange: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly logger: Logger },
): Promise<void> {
  const { request, response, logger } = exchange;
  const answer = await answerTo(routes, request, logger);
  if (response.destroyed) return;
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(answer.status === 405 ? { allow: 'GET, HEAD' } : {}),
    // Nobody has to send a body here; one that comes all the same ends the connection unread.
    ...(request.complete ? {} : { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answerTo(
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  logger: Logger,
): Promise<Answer> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const route = routes.get(path);
  if (route === undefined) {
    return text(404, `There is no such page here, only ${[...routes.keys()].join(', ')}.`);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'Only GET and HEAD.');
  try {
    return await route();
  } catch (error) {
    return failed(error, { path, logger });
  }
}

/** What is expected to fail is told; anything else is a defect, and told to the log only. */
function failed(
  thrown: unknown,
  { path, logger }: { readonly path: string; readonly logger: Logger },
): Answer {
  if (thrown instanceof ExporterError) {
    return json(503, { error: { code: thrown.code, message: redactSecrets(thrown.message) } });
  }
  logger.error({ path, error: describeError(thrown) }, 'http request failed unexpectedly');
  return json(500, {
    error: { code: 'unexpected', message: 'Something unexpected failed; the log has it.' },
  });
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), limits.closeGraceMs);
  await closed;
  clearTimeout(cut);
}

function addressUnusable({ host, port }: ServerOptions, thrown: unknown): UsageError {
  const error = toError(thrown);
  const code = 'code' in error ? error.code : undefined;
  const [reason, advice] =
    code === 'EADDRINUSE'
      ? ['another program uses it', 'Set server.port to a free one, or server to off.']
      : code === 'EACCES'
        ? ['this user may not listen on it', 'Set server.port to one above 1023, or server to off.']
        : code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND'
          ? ['this machine has no such address', 'Set server.host to one that it has, such as 127.0.0.1.']
          : [error.message, 'Set server.host and server.port to an address that can be had.'];
  return new UsageError(
    `The server can't listen on ${host}, port ${port} (server.port): ${reason}. ${advice}`,
    {
      code: 'server_address',
      cause: error,
    },
  );
}
