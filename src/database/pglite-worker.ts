/**
 * The worker thread that runs PGlite. In the main thread a load would leave no timer a turn, so signals and heartbeats
 * would be dead. Requests are answered one after another, in the order they came.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { toError } from '../errors.ts';
import { openEngine, type Engine } from './pglite-engine.ts';
import type { EngineReply, EngineRequest } from './pglite-messages.ts';

if (parentPort === null) throw new Error('This file runs only as a worker thread');
const port = parentPort;

// The starter of this thread says where the data is.
const { directory } = workerData as { readonly directory: string };

function reply(message: EngineReply): void {
  port.postMessage(message, []);
}

async function serve(engine: Engine, request: EngineRequest): Promise<void> {
  switch (request.kind) {
    case 'execute':
      reply({ kind: 'done', id: request.id, result: await engine.execute(request.sql, request.parameters) });
      return;
    case 'copy':
      reply({ kind: 'done', id: request.id, result: await engine.copyIn(request.sql, request.data) });
      return;
    case 'close':
      await engine.close();
      reply({ kind: 'closed', id: request.id });
      port.close();
      return;
    default:
      request satisfies never;
  }
}

function fail(thrown: unknown): void {
  reply({ kind: 'broken', message: toError(thrown).message });
  port.close();
}

try {
  const engine = await openEngine(directory);
  let tail: Promise<void> = Promise.resolve();
  port.on('message', (request: EngineRequest) => {
    tail = tail.then(() => serve(engine, request)).catch(fail);
  });
  reply({ kind: 'ready' });
} catch (error) {
  fail(error);
}
