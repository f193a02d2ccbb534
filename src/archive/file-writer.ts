/** The main thread's end of the thread that writes files: one request at a time, and the thread's death rejects it. */
import { Worker } from 'node:worker_threads';
import { SinkError } from '../../sinks/sink-error.ts';
import { compiledFile } from '../compiled-file.ts';
import type { DurableFile, FileOutcome } from './durable-files.ts';
import type { FileReply, FileRequest } from './file-writer-messages.ts';

interface Pending {
  readonly resolve: (reply: FileReply) => void;
  readonly reject: (error: Error) => void;
}

/** A larger room is given up after its file. */
const roomKeptMax = 4 * 1024 * 1024;
const roomLeast = 256 * 1024;

export class FileWriter {
  readonly #root: string;
  readonly #thread: URL;
  #worker: Worker | undefined;
  #room = new SharedArrayBuffer(0);
  #pending: Pending | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** `thread`: the file that the thread runs. */
  constructor(root: string, thread: URL = compiledFile('src/archive/file-writer-thread.js')) {
    this.#root = root;
    this.#thread = thread;
  }

  /** Resolves when the file is on the disk under its name. Rejects with what Node said of the call that failed. */
  write(
    file: DurableFile,
    bytes: Buffer,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<FileOutcome> {
    return this.#inTurn(async () => {
      signal.throwIfAborted();
      const worker = this.#started();
      this.#makeRoom(worker, bytes.length);
      new Uint8Array(this.#room).set(bytes);
      return await this.#ask(worker, { kind: 'file', ...file, bytes: bytes.length });
    });
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#inTurn(() => this.#ask(this.#started(), { kind: 'directory', path }));
  }

  /** Waits for what was asked. */
  async close(): Promise<void> {
    await this.#turn;
    await this.#worker?.terminate();
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(step);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #ask(worker: Worker, request: FileRequest): Promise<FileOutcome> {
    // While it works, the process must not end for want of anything else to do.
    worker.ref();
    try {
      const reply = await new Promise<FileReply>((resolve, reject) => {
        this.#pending = { resolve, reject };
        worker.postMessage(request, []);
      });
      if ('outcome' in reply) return reply.outcome;
      const { message, code, syscall } = reply.failure;
      throw Object.assign(new Error(message), { code, syscall });
    } finally {
      this.#pending = undefined;
      worker.unref();
    }
  }

  /** Memory that both threads see, used again: what is copied from thread to thread is let go late. */
  #makeRoom(worker: Worker, bytes: number): void {
    const size = this.#room.byteLength;
    if (bytes <= size && size <= roomKeptMax) return;
    let wanted = roomLeast;
    while (wanted < bytes) wanted *= 2;
    this.#room = new SharedArrayBuffer(wanted);
    worker.postMessage({ kind: 'room', room: this.#room } satisfies FileRequest, []);
  }

  #started(): Worker {
    return (this.#worker ??= this.#start());
  }

  #start(): Worker {
    const worker = new Worker(this.#thread, {
      workerData: { root: this.#root },
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 },
    });
    this.#room = new SharedArrayBuffer(0);
    worker.on('message', (reply: FileReply) => this.#pending?.resolve(reply));
    worker.on('error', (error) => this.#lose(worker, error.message));
    worker.on('exit', () => this.#lose(worker, 'it ended'));
    worker.unref();
    return worker;
  }

  /** The next request starts another. */
  #lose(worker: Worker, reason: string): void {
    if (this.#worker === worker) this.#worker = undefined;
    this.#pending?.reject(
      new SinkError(
        `The thread that writes files to ${this.#root} stopped: ${reason}. It will be tried again.`,
        {
          code: 'file_writer_lost',
          retryable: true,
        },
      ),
    );
  }
}
