/**
 * Stopping. The first SIGTERM or SIGINT aborts one signal, with a reason that says which it was: whoever works
 * finishes the step in hand. The second one ends the process at once.
 */
import { constants } from 'node:os';
import { ExporterError } from '../errors.ts';

export const stopSignalNames = ['SIGTERM', 'SIGINT'] as const;
export type StopSignalName = (typeof stopSignalNames)[number];

/** What can ask for the end: the operator, or a reader of stdout that has gone away. */
export type StopReason = StopSignalName | 'reader_gone';

/** The reason with which the stop signal is aborted. */
export class StopRequested extends ExporterError {
  override readonly name = 'StopRequested';
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(reason === 'reader_gone' ? 'Nobody reads stdout any more.' : `Stopped by ${reason}.`, {
      kind: 'interrupted',
      code: 'stopped',
    });
    this.reason = reason;
  }
}

/** The part of `process` that is used here. */
export interface SignalEmitter {
  on(name: StopSignalName, listener: () => void): unknown;
  off(name: StopSignalName, listener: () => void): unknown;
}

export interface StopSignals {
  readonly signal: AbortSignal;
  /** Stops for a reason other than a signal. */
  stop(reason: StopReason): void;
  /** Takes the listeners away. Idempotent. */
  release(): void;
}

export interface StopSignalOptions {
  /** Called with the exit code at the second signal; must not return. */
  readonly endNow: (exitCode: number) => void;
}

export function listenForStop(emitter: SignalEmitter, options: StopSignalOptions): StopSignals {
  const controller = new AbortController();
  const stop = (reason: StopReason): void => controller.abort(new StopRequested(reason));
  const listeners = stopSignalNames.map((name) => {
    const listener = (): void => {
      if (controller.signal.aborted) options.endNow(128 + constants.signals[name]);
      else stop(name);
    };
    emitter.on(name, listener);
    return { name, listener };
  });
  return {
    signal: controller.signal,
    stop,
    release() {
      for (const { name, listener } of listeners) emitter.off(name, listener);
    },
  };
}
