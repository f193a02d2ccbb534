/**
 * The thread that writes files and waits for the disk. On the main thread each of its ten steps would wait for a turn, and a
 * disk that hangs would hold back whatever else waits for the same few threads of Node.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { toError } from '../errors.ts';
import { DurableFiles, makeDirectory, type FileOutcome } from './durable-files.ts';
import type { FileFailure, FileReply, FileRequest, FileWriterData } from './file-writer-messages.ts';

if (parentPort === null) throw new Error('This file runs only as a worker thread');
const port = parentPort;

// The starter of this thread says where the archive is.
const { root, room } = workerData as FileWriterData;
const files = new DurableFiles(root);

port.on('message', (request: FileRequest) => port.postMessage(answer(request), []));

function answer(request: FileRequest): FileReply {
  try {
    return { outcome: carryOut(request) };
  } catch (error) {
    return { failure: describe(toError(error)) };
  }
}

function carryOut(request: FileRequest): FileOutcome | undefined {
  switch (request.kind) {
    case 'file':
      return files.write(request, new Uint8Array(room, 0, request.bytes));
    case 'part':
      files.begin(request.incomplete, new Uint8Array(room, 0, request.bytes));
      return undefined;
    case 'directory':
      makeDirectory(request.path);
      return undefined;
    default:
      return request satisfies never;
  }
}

function describe(error: NodeJS.ErrnoException): FileFailure {
  return { message: error.message, code: error.code, syscall: error.syscall };
}
