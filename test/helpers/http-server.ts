import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** 1 for the server's first request. */
  readonly number: number;
}

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly SeenRequest[];
}

/** A real HTTP server on a free port, closed with all its connections when the test ends. */
export async function startHttpServer(
  handle: (request: SeenRequest, response: ServerResponse) => void,
): Promise<HttpServer> {
  const requests: SeenRequest[] = [];
  const server = createServer((message, response) => {
    void readText(message).then((body) => {
      const url = new URL(message.url ?? '/', 'http://localhost');
      const seen: SeenRequest = {
        method: message.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: message.headers,
        body,
        number: requests.length + 1,
      };
      requests.push(seen);
      handle(seen, response);
      return seen;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests };
}

/** Answers with JSON, or with the text as it is. */
export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
