/** One address in front of several servers: each request goes to the one that its headers choose. */
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpForwarder {
  readonly url: string;
  close(): Promise<void>;
}

/** `choose` gives the base URL of a request's target; undefined is answered 401. */
export async function startHttpForwarder(
  choose: (request: IncomingMessage) => string | undefined,
): Promise<HttpForwarder> {
  const server = http.createServer((request, response) => {
    const target = choose(request);
    if (target === undefined) {
      response.writeHead(401).end('{}');
      return;
    }
    const outgoing = http.request(
      new URL(request.url ?? '/', target),
      { method: request.method, headers: request.headers, agent: false },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.on('error', () => response.destroy());
    request.pipe(outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
