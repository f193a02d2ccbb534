import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, exitCodes } from '../../src/cli/exit-codes.ts';
import { listenForStop, StopRequested } from '../../src/cli/signals.ts';
import { CloudApiError } from '../../src/cloud-api/index.ts';
import { ExporterError, UsageError, type ErrorKind } from '../../src/errors.ts';
import { SinkError } from '../../sinks/sink-error.ts';

describe('stopping', () => {
  it('aborts at the first signal with a reason that says which, and ends at once at the second', () => {
    const emitter = new EventEmitter();
    const ends: number[] = [];
    const stop = listenForStop(emitter, { endNow: (exitCode) => ends.push(exitCode) });
    expect(stop.signal.aborted).toBe(false);
    emitter.emit('SIGTERM');
    expect(stop.signal.reason).toMatchObject({ reason: 'SIGTERM', kind: 'interrupted' });
    expect(ends).toEqual([]);
    emitter.emit('SIGINT');
    expect(ends).toEqual([130]);
    expect(stop.signal.reason).toMatchObject({ reason: 'SIGTERM' });
  });

  it('leaves no listener behind', () => {
    const emitter = new EventEmitter();
    const stop = listenForStop(emitter, { endNow: () => undefined });
    expect(emitter.listenerCount('SIGTERM') + emitter.listenerCount('SIGINT')).toBe(2);
    stop.release();
    stop.release();
    expect(emitter.listenerCount('SIGTERM') + emitter.listenerCount('SIGINT')).toBe(0);
  });
});

describe('exit codes', () => {
  const ofKinds: Readonly<Record<ErrorKind, number>> = {
    usage: 2,
    source: 3,
    store: 4,
    sink: 4,
    held: 5,
    findings: 6,
    interrupted: 143,
  };

  it.each(Object.entries(ofKinds))('an error of kind %s ends with %d', (kind, exitCode) => {
    // The keys of the table are exactly the kinds.
    expect(exitCodeOf(new ExporterError('x', { kind: kind as ErrorKind, code: 'x' }))).toBe(exitCode);
  });

  it('follow the errors of every room', () => {
    expect(exitCodeOf(new UsageError('x'))).toBe(exitCodes.usage);
    expect(exitCodeOf(new CloudApiError('x', { code: 'role_missing', retryable: false }))).toBe(
      exitCodes.source,
    );
    expect(exitCodeOf(new SinkError('x', { code: 'destination_lost', retryable: false }))).toBe(
      exitCodes.destination,
    );
    expect(exitCodeOf(new TypeError('x'))).toBe(exitCodes.unexpected);
    expect(exitCodeOf('text')).toBe(exitCodes.unexpected);
  });

  it('say which signal it was, also when a library threw an AbortError of its own', () => {
    const aborted = new DOMException('This operation was aborted', 'AbortError');
    expect(exitCodeOf(new StopRequested('SIGINT'))).toBe(130);
    expect(exitCodeOf(aborted, new StopRequested('SIGINT'))).toBe(130);
    expect(exitCodeOf(aborted, new StopRequested('SIGTERM'))).toBe(143);
    expect(exitCodeOf(aborted)).toBe(exitCodes.unexpected);
  });

  it('keep a real failure during a stop what it is', () => {
    const failure = new SinkError('x', { code: 'unreachable', retryable: true });
    expect(exitCodeOf(failure, new StopRequested('SIGTERM'))).toBe(exitCodes.destination);
  });

  it('count a reader of stdout that has gone as a normal end', () => {
    expect(exitCodeOf(new Error('write EPIPE'), new StopRequested('reader_gone'))).toBe(exitCodes.done);
  });
});
