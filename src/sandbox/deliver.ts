import type { ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import type { Delivery } from './faults.ts';

const dripBytes = 16;
const dripMs = 25;

/** Writes an answer to a connection, or does to the connection what the delivery says. */
export function deliver(response: ServerResponse, answer: Answer, delivery: Delivery): void {
  switch (delivery) {
    case 'whole':
      writeHead(response, answer, answer.body.length);
      response.end(answer.body);
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'hang-headers':
      return;
    case 'hang-body':
      writeHead(response, answer, answer.body.length + 1);
      response.write(answer.body.subarray(0, Math.ceil(answer.body.length / 2)));
      return;
    case 'short':
      writeHead(response, answer, answer.body.length + 100);
      response.write(answer.body, () => response.socket?.end());
      return;
    case 'drip':
      writeHead(response, answer, answer.body.length);
      drip(response, answer.body);
      return;
    case 'giant':
      writeHead(response, answer, undefined);
      pour(response);
      return;
    default:
      delivery satisfies never;
  }
}

function writeHead(response: ServerResponse, answer: Answer, length: number | undefined): void {
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    ...answer.headers,
    ...(length === undefined ? {} : { 'content-length': length }),
  });
}

function drip(response: ServerResponse, body: Buffer): void {
  let written = 0;
  const timer = setInterval(() => {
    response.write(body.subarray(written, written + dripBytes));
    written += dripBytes;
    if (written < body.length) return;
    clearInterval(timer);
    response.end();
  }, dripMs);
  timer.unref();
  response.once('close', () => clearInterval(timer));
}

/** White space without end, as fast as the client takes it. */
function pour(response: ServerResponse): void {
  const piece = Buffer.alloc(64 * 1_024, ' ');
  response.write('{"entries":[');
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', more);
  more();
}
