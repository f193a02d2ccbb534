/**
 * The thread that writes files and waits for the disk. On the main thread each of its ten steps would wait for a turn, and a
 * disk that hangs would hold back whatever else waits for the same few threads of Node.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { toError } from '../errors.ts';
import { DurableFiles, makeDirectory } from './durable-files.ts';
import type { FileFailure, FileReply, FileRequest } from './file-writer-messages.ts';

if (parentPort === null) throw new Error('This file runs only as a worker thread');
const port = parentPort;

// The starter of this thread says where the archive is.
const { root } = workerData as { readonly root: string };
const files = new DurableFiles(root);
let room = new SharedArrayBuffer(0);

port.on('message', (request: FileRequest) => {
  if (request.kind === 'room') {
    ({ room } = request);
    return;
  }
  port.postMessage(answer(request), []);
});

function answer(request: Exclude<FileRequest, { kind: 'room' }>): FileReply {
  try {
    if (request.kind === 'file')
      return { outcome: files.write(request, new Uint8Array(room, 0, request.bytes)) };
    makeDirectory(request.path);
    return { outcome: 'created' };
  } catch (error) {
    return { failure: describe(toError(error)) };
  }
}

function describe(error: NodeJS.ErrnoException): FileFailure {
  return { message: error.message, code: error.code, syscall: error.syscall };
}
