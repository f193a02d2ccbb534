import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { SinkError } from '../../sinks/sink-error.ts';
import type { Sink, SinkBatch } from '../../sinks/sink.ts';
import { createStdoutSink } from '../../sinks/stdout.ts';
import { describeSinkContract, type ReadBackEntry, type SinkSetup } from '../contracts/sink-contract.ts';
import { exoticEntries } from '../helpers/exotic-entries.ts';
import { plainEntries } from '../helpers/sink-entries.ts';

const { signal } = new AbortController();

interface Capture {
  readonly stream: Writable;
  readonly chunks: Buffer[];
  text(): string;
}

/** A stream that keeps what it got, at its own pace. */
function captureStream(onChunk?: () => void): Capture {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      onChunk?.();
      setImmediate(done);
    },
  });
  return { stream, chunks, text: () => Buffer.concat(chunks).toString() };
}

/** Whether a promise has settled, for looking at it without waiting. */
function watch(promise: Promise<unknown>): { isSettled: boolean } {
  const state = { isSettled: false };
  void promise.finally(() => {
    state.isSettled = true;
  });
  return state;
}

/** What a reader of envelopes makes of the output, with the entry's text cut out verbatim. */
function readEnvelopes(output: string, organization: string): ReadBackEntry[] {
  const head = new RegExp(`^\\{"organization":"${organization}","sequence":(\\d+),"entry":`);
  return output
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const match = head.exec(line);
      return match === null ? [] : [{ sequence: Number(match[1]), raw: line.slice(match[0].length, -1) }];
    });
}

async function createSetup(): Promise<SinkSetup> {
  const capture = captureStream();
  const create = () => createStdoutSink({ name: 'console', format: 'envelope', stream: capture.stream });
  return {
    sink: create(),
    restart: async () => create(),
    readBack: async (organization) => readEnvelopes(capture.text(), organization),
    dispose: async () => {
      expect(capture.stream.listenerCount('error')).toBe(0);
      capture.stream.destroy();
    },
  };
}

describeSinkContract('stdout', { create: createSetup });

describe('the stdout sink', () => {
  test('prints nothing but the entries, one a line, in the raw format', async () => {
    const capture = captureStream();
    const sink = createStdoutSink({ name: 'console', format: 'raw', stream: capture.stream });
    const entries = exoticEntries();
    await sink.write({ organization: 'acme', entries }, { signal });
    expect(capture.text() === entries.map((entry) => `${entry.raw.toString()}\n`).join('')).toBe(true);
    await sink.close();
  });

  test('prints envelopes that are JSON and name organization and sequence', async () => {
    const capture = captureStream();
    const sink = createStdoutSink({ name: 'console', format: 'envelope', stream: capture.stream });
    const [entry] = plainEntries(7, 1);
    await sink.write({ organization: 'acme', entries: plainEntries(7, 1) }, { signal });
    const line: unknown = JSON.parse(capture.text());
    expect(line).toEqual({ organization: 'acme', sequence: 7, entry: JSON.parse(String(entry?.raw)) });
    await sink.close();
  });

  test('does not resolve before the stream has taken the batch', async () => {
    const stream = new PassThrough({ highWaterMark: 16 });
    const sink = createStdoutSink({ name: 'console', format: 'raw', stream });
    const writing = sink.write({ organization: 'acme', entries: plainEntries(1, 2000) }, { signal });
    const watched = watch(writing);
    await new Promise(setImmediate);
    expect(watched.isSettled).toBe(false);
    stream.resume();
    await writing;
    expect(watched.isSettled).toBe(true);
    await sink.close();
  });

  test('hands the stream whole lines only, and an abort stops it between them', async () => {
    const controller = new AbortController();
    const capture = captureStream(() => controller.abort());
    const sink = createStdoutSink({ name: 'console', format: 'raw', stream: capture.stream });
    const batch = { organization: 'acme', entries: plainEntries(1, 2000) };
    await expect(sink.write(batch, { signal: controller.signal })).rejects.toThrow(/abort/);
    expect(capture.chunks).toHaveLength(1);
    expect(capture.text().length).toBeLessThan(100_000);
    expect(capture.text().endsWith('}\n')).toBe(true);
    await sink.close();
  });

  test('a failure that is not the end of the reader says what to look at, also the second time', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => {
        done(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));
      },
    });
    const sink = createStdoutSink({ name: 'console', format: 'raw', stream });
    const batch = { organization: 'acme', entries: plainEntries(1, 1) };
    const refused = { code: 'output_failed', retryable: false, message: expect.stringContaining('no space') };
    await expect(sink.write(batch, { signal })).rejects.toMatchObject(refused);
    await expect(sink.write(batch, { signal })).rejects.toMatchObject(refused);
    await sink.close();
  });
});

describe('closing the stdout sink', () => {
  test('right after a failure leaves nobody to be surprised by the stream telling it once more', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
      // As a file does, whose descriptor has to be closed first.
      destroy: (error, done) => void setImmediate(done, error),
    });
    // `once` would listen for errors itself.
    const closed = new Promise<void>((resolve) => stream.on('close', () => resolve()));
    const sink = createStdoutSink({ name: 'console', format: 'raw', stream });
    await expect(sink.write(batchFrom(1), { signal })).rejects.toMatchObject({ code: 'reader_gone' });
    expect(stream.closed).toBe(false);
    await sink.close();
    await closed;
    expect(stream.errored).toMatchObject({ code: 'EPIPE' });
  });
});

describe('the stdout sink with a real reader at the other end', () => {
  test('a reader that has seen enough is reader_gone, not a crash, and every line it got is whole', async () => {
    const reader = spawn('head', ['-n', '3'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const sink = createStdoutSink({ name: 'console', format: 'raw', stream: reader.stdin });
    await sink.open({ signal });
    const seen = text(reader.stdout);
    const error = await writeUntilRefused(sink);
    expect(error).toBeInstanceOf(SinkError);
    expect(error).toMatchObject({ code: 'reader_gone', retryable: false });
    await expect(sink.write(batchFrom(1), { signal })).rejects.toMatchObject({ code: 'reader_gone' });
    await sink.close();
    expect(await seen).toBe(
      plainEntries(1, 3)
        .map((entry) => `${entry.raw.toString()}\n`)
        .join(''),
    );
  });

  test('a reader that pauses holds back the sink, not the process, and loses nothing', async () => {
    const reader = spawn('cat', [], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(reader, 'spawn');
    reader.kill('SIGSTOP');
    const sink = createStdoutSink({ name: 'console', format: 'raw', stream: reader.stdin });
    const writing = sink.write(batchFrom(1), { signal });
    const watched = watch(writing);
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    expect(watched.isSettled).toBe(false);
    reader.kill('SIGCONT');
    const seen = text(reader.stdout);
    await writing;
    await sink.close();
    reader.stdin.end();
    expect((await seen) === linesOfBatch()).toBe(true);
  });
});

function batchFrom(first: number): SinkBatch {
  return { organization: 'acme', entries: plainEntries(first, 5000) };
}

function linesOfBatch(): string {
  return batchFrom(1)
    .entries.map((entry) => `${entry.raw.toString()}\n`)
    .join('');
}

async function writeUntilRefused(sink: Sink): Promise<unknown> {
  try {
    for (let first = 1; ; first += 5000) await sink.write(batchFrom(first), { signal });
  } catch (error) {
    return error;
  }
}
