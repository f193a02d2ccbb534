import { ExporterError, isAbort, type ErrorKind } from '../errors.ts';
import { StopRequested, type StopReason } from './signals.ts';

/** What the process ends with; scripts depend on these numbers. */
export const exitCodes = {
  done: 0,
  unexpected: 1,
  usage: 2,
  source: 3,
  destination: 4,
  held: 5,
  findings: 6,
  parked: 7,
  sigint: 130,
  sigterm: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const codeOfKind: Readonly<Record<ErrorKind, ExitCode>> = {
  usage: exitCodes.usage,
  source: exitCodes.source,
  store: exitCodes.destination,
  sink: exitCodes.destination,
  held: exitCodes.held,
  findings: exitCodes.findings,
  interrupted: exitCodes.sigterm,
};

/** The exit code for what a command threw; `stopped` is the reason of the stop signal, if there was one. */
export function exitCodeOf(thrown: unknown, stopped?: unknown): ExitCode {
  if (stopped instanceof StopRequested && (isAbort(thrown) || stopped.reason === 'reader_gone')) {
    return codeOfStop[stopped.reason];
  }
  if (thrown instanceof StopRequested) return codeOfStop[thrown.reason];
  return thrown instanceof ExporterError ? codeOfKind[thrown.kind] : exitCodes.unexpected;
}

const codeOfStop: Readonly<Record<StopReason, ExitCode>> = {
  SIGTERM: exitCodes.sigterm,
  SIGINT: exitCodes.sigint,
  // `head` and others close the pipe once they have enough: a normal end.
  reader_gone: exitCodes.done,
};
