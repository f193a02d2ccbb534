/**
 * Logs go to stderr, as JSON lines or, on a terminal, as readable text. Messages are constant and lower case; what
 * varies goes into fields with units. Entries, headers and connection strings are never logged.
 */
import pino from 'pino';
import { prettyFactory } from 'pino-pretty';
import { redactSecrets } from './redact.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ['auto', 'json', 'pretty'] as const;
export type LogFormat = (typeof logFormats)[number];

/** What the rest of the program needs of a logger. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: Record<string, unknown>): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly destination?: NodeJS.WriteStream;
  readonly color?: boolean;
}

export function createLogger(options: LoggerOptions): Logger {
  const stderr = options.destination ?? process.stderr;
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && stderr.isTTY);
  const format = isPretty
    ? prettyFactory({ colorize: options.color ?? stderr.isTTY, ignore: 'pid,hostname' })
    : (line: string): string => line;
  const stream = { write: (line: string): boolean => stderr.write(redactSecrets(format(line))) };
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
    },
    stream,
  );
}

export const silentLogger: Logger = pino({ level: 'silent' });

/** An error as log fields: its words and the words of its causes, without stacks. */
export function describeError(thrown: unknown): object {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  return {
    message: thrown.message,
    ...('code' in thrown && typeof thrown.code === 'string' ? { code: thrown.code } : {}),
    ...(thrown.cause === undefined ? {} : { cause: describeError(thrown.cause) }),
  };
}
