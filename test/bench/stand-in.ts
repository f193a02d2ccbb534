/**
 * The Cloud API for measuring: a process of its own which serves pages that were built before anybody asked, so that
 * what is measured is the exporter. It knows the reading of an audit log and nothing else; the sandbox knows the rest.
 *
 *     npx tsx test/bench/stand-in.ts --entries 200000 [--page-size 1000] [--entry-bytes 1000] [--days 400]
 *         [--shape even] [--latency 250]
 *
 * It prints one line of JSON when it listens ({ url, entries, pages, bytes }) and ends with its standard input.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import type { HistoryShape } from '../../src/sandbox/history-shape.ts';
import { protoTimestamp } from '../../src/sandbox/entry-writer.ts';
import { createOrganization } from '../../src/sandbox/organization.ts';
import { nanos } from '../../src/time.ts';
import { PrebuiltLog } from './prebuilt-log.ts';

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '200000' },
    'page-size': { type: 'string', default: '1000' },
    'entry-bytes': { type: 'string', default: '1000' },
    days: { type: 'string', default: '400' },
    shape: { type: 'string', default: 'lifelike' },
    latency: { type: 'string', default: '0' },
  },
});
const latencyMs = Number(values.latency);
const day = 86_400_000_000_000n;
const end = BigInt(Date.now() - 1000) * 1_000_000n;
const start = end - BigInt(values.days) * day;
const log = new PrebuiltLog({
  entries: Number(values.entries),
  entryBytes: Number(values['entry-bytes']),
  pageSize: Number(values['page-size']),
  from: start,
  to: end,
  shape: values.shape as HistoryShape,
});
const known = createOrganization(1, protoTimestamp(nanos(start - day)), {});
const organization = Buffer.from(
  JSON.stringify({ id: known.id, label: known.label, name: known.name, created_at: known.createdAt }),
);

const server = createServer((request, response) => {
  if (latencyMs === 0) answer(request, response);
  else setTimeout(() => answer(request, response), latencyMs);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  const started = { url: `http://127.0.0.1:${port}`, entries: log.size, pages: log.pages, bytes: log.bytes };
  process.stdout.write(`${JSON.stringify(started)}\n`);
});
process.stdin.resume().on('end', () => process.exit());

function answer(request: IncomingMessage, response: ServerResponse): void {
  // The requests counted so far, for telling how many a sweep takes; not a part of the API.
  if (request.url === '/requests') return send(response, Buffer.from(String(requests)));
  requests += 1;
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  response.setHeader('cc-version', request.headers['cc-version'] ?? '2024-09-16');
  if (url.pathname === '/api/v1/organization') return send(response, organization);
  if (url.pathname !== '/api/v1/auditlogevents') {
    return send(response, Buffer.from('{"code":5,"message":"Not Found","details":[]}'), 404);
  }
  const limit = Number(url.searchParams.get('limit') ?? '200');
  send(response, log.page(url.searchParams.get('starting_from') ?? undefined, limit));
}

let requests = 0;

function send(response: ServerResponse, body: Buffer, status = 200): void {
  // Node's server sends the `Date` header by itself.
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}
