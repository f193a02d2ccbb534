/** The main thread's end of the thread that writes files: one request at a time, and the thread's death rejects it. */
import { Worker } from 'node:worker_threads';
import { SinkError } from '../../sinks/sink-error.ts';
import { compiledFile } from '../compiled-file.ts';
import type { DurableFile, FileOutcome } from './durable-files.ts';
import type { FileReply, FileRequest, FileWriterData } from './file-writer-messages.ts';

interface Pending {
  /** Who was asked. One that has stopped may say so twice, the second time when another is asked already. */
  readonly worker: Worker;
  readonly resolve: (reply: FileReply) => void;
  readonly reject: (error: Error) => void;
}

/** Larger files are handed over in parts. */
const roomBytes = 1024 * 1024;

export class FileWriter {
  readonly #root: string;
  readonly #thread: URL;
  #worker: Worker | undefined;
  readonly #room = new Uint8Array(new SharedArrayBuffer(roomBytes));
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
      const { incomplete } = file;
      let rest = bytes;
      for (; rest.length > roomBytes; rest = rest.subarray(roomBytes)) {
        this.#room.set(rest.subarray(0, roomBytes));
        await this.#ask(worker, { kind: 'part', incomplete, bytes: roomBytes });
      }
      this.#room.set(rest);
      const outcome = await this.#ask(worker, { kind: 'file', ...file, bytes: rest.length });
      if (outcome === undefined) throw new TypeError('the thread does not say what became of the file');
      return outcome;
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

  async #ask(worker: Worker, request: FileRequest): Promise<FileOutcome | undefined> {
    if (worker !== this.#worker) throw this.#lost('it ended');
    // While it works, the process must not end for want of anything else to do.
    worker.ref();
    try {
      const reply = await new Promise<FileReply>((resolve, reject) => {
        this.#pending = { worker, resolve, reject };
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

  #started(): Worker {
    return (this.#worker ??= this.#start());
  }

  #start(): Worker {
    const worker = new Worker(this.#thread, {
      workerData: { root: this.#root, room: this.#room.buffer } satisfies FileWriterData,
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 },
    });
    worker.on('message', (reply: FileReply) => this.#pendingOf(worker)?.resolve(reply));
    worker.on('error', (error) => this.#lose(worker, error.message));
    worker.on('exit', () => this.#lose(worker, 'it ended'));
    worker.unref();
    return worker;
  }

  /** The next request starts another. */
  #lose(worker: Worker, reason: string): void {
    if (this.#worker === worker) this.#worker = undefined;
    this.#pendingOf(worker)?.reject(this.#lost(reason));
  }

  #lost(reason: string): SinkError {
    return new SinkError(
      `The thread that writes files to ${this.#root} stopped: ${reason}. It will be tried again.`,
      { code: 'file_writer_lost', retryable: true },
    );
  }

  #pendingOf(worker: Worker): Pending | undefined {
    return this.#pending?.worker === worker ? this.#pending : undefined;
  }
}
