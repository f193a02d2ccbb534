/**
 * Entries as lines on a stream, by default the program's stdout.
 *
 * A pipe can't be looked at: what went through is with the reader, so nothing is ever held, nothing can be lost, and a
 * batch that is repeated after a crash is seen again. The `envelope` format lets a reader drop such repeats.
 */
import type { Writable } from 'node:stream';
import { toError } from '../src/errors.ts';
import { announceStep } from '../src/steps.ts';
import { SinkError } from './sink-error.ts';
import type { Sink, SinkBatch, SinkEntry } from './sink.ts';

export const stdoutFormats = ['raw', 'envelope'] as const;
/** `raw`: the entry's own text. `envelope`: `{"organization":"…","sequence":1,"entry":{…}}`, the entry verbatim. */
export type StdoutFormat = (typeof stdoutFormats)[number];

export interface StdoutSinkOptions {
  readonly name: string;
  readonly format: StdoutFormat;
  /** `process.stdout`; it is never ended. */
  readonly stream: Writable;
}

/** Lines are gathered up to this size, so that a small entry does not cost a system call of its own. */
const chunkBytes = 64 * 1024;

/** How the sink's own failures are told apart. */
export const stdoutErrorCodes = {
  /** The reader has gone away (EPIPE), as `head` does: a normal end, after which the command stops without an error. */
  readerGone: 'reader_gone',
  /** The stream failed in another way, e.g. a full disk behind a redirection. */
  outputFailed: 'output_failed',
} as const;

/**
 * A sink that prints. `write` resolves when the kernel has taken every line, so a slow reader slows the delivery down
 * and memory stays bounded. Rejects with a SinkError of code `reader_gone` when nobody reads any more.
 */
export function createStdoutSink(options: StdoutSinkOptions): Sink {
  const { name, stream } = options;
  const inFlight = new Set<Promise<void>>();
  const state: { isListening: boolean; failure: SinkError | undefined } = {
    isListening: false,
    failure: undefined,
  };
  const listen = (): void => {
    if (state.isListening) return;
    state.isListening = true;
    stream.on('error', ignoreError);
  };

  return {
    name,
    type: 'stdout',
    capabilities: { repeats: 'visible' },
    fingerprint: 'stdout',
    open: async ({ signal }) => {
      signal.throwIfAborted();
      listen();
    },
    attach: async (_attachment, { signal }) => {
      signal.throwIfAborted();
    },
    write: async (batch, { signal }) => {
      listen();
      // A stream that failed once only repeats that it is destroyed: the first reason is the one to tell.
      if (state.failure !== undefined) throw state.failure;
      const writing = writeBatch(stream, linesOf(batch, options.format), signal);
      inFlight.add(writing);
      try {
        await writing;
        announceStep('lines-printed');
      } catch (error) {
        if (error instanceof SinkError) state.failure ??= error;
        throw error;
      } finally {
        inFlight.delete(writing);
      }
      return undefined;
    },
    holds: async () => false,
    close: async () => {
      await Promise.allSettled(inFlight);
      // A stream that failed may report it once more after its write was told.
      if (state.failure !== undefined) return;
      state.isListening = false;
      stream.off('error', ignoreError);
    },
  };
}

/** Every failure reaches the callback of its write as well; without a listener it would end the process. */
function ignoreError(): void {}

/** Stops for an abort between chunks only, and a chunk holds whole lines: an abort never cuts a line. */
async function writeBatch(stream: Writable, lines: Iterable<Buffer[]>, signal: AbortSignal): Promise<void> {
  let chunk: Buffer[] = [];
  let size = 0;
  for (const line of lines) {
    signal.throwIfAborted();
    chunk.push(...line);
    size += line.reduce((bytes, part) => bytes + part.length, 0);
    if (size < chunkBytes) continue;
    await writeChunk(stream, Buffer.concat(chunk));
    chunk = [];
    size = 0;
  }
  if (size > 0) await writeChunk(stream, Buffer.concat(chunk));
}

async function writeChunk(stream: Writable, chunk: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(chunk, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(outputError(error));
    });
  });
}

function* linesOf(batch: SinkBatch, format: StdoutFormat): Generator<Buffer[]> {
  for (const entry of batch.entries) yield [...lineOf(batch.organization, entry, format), lineFeed];
}

function lineOf(organization: string, entry: SinkEntry, format: StdoutFormat): Buffer[] {
  switch (format) {
    case 'raw':
      return [entry.raw];
    case 'envelope': {
      const head = `{"organization":${JSON.stringify(organization)},"sequence":${entry.sequence},"entry":`;
      return [Buffer.from(head), entry.raw, closingBrace];
    }
    default:
      return format satisfies never;
  }
}

const lineFeed = Buffer.from('\n');
const closingBrace = Buffer.from('}');

/** What a write to a stream whose reader has gone, or that was ended, fails with. */
const endCodes: readonly unknown[] = [
  'EPIPE',
  'ECONNRESET',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
];

function outputError(thrown: unknown): SinkError {
  const error = toError(thrown);
  if ('code' in error && endCodes.includes(error.code)) {
    return new SinkError(
      'Nobody reads the output any more. Start the command again with a reader that stays.',
      {
        code: stdoutErrorCodes.readerGone,
        retryable: false,
        cause: error,
      },
    );
  }
  return new SinkError(
    `The output can't be written (${error.message}). Check what stdout is redirected to, e.g. whether its disk is full.`,
    { code: stdoutErrorCodes.outputFailed, retryable: false, cause: error },
  );
}
