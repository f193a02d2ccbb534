/**
 * Logs go to stderr, as JSON lines or, on a terminal, as readable text. Apart from `logger.ts`, so that `--help` does not
 * load what writes them.
 */
import pino from 'pino';
import { prettyFactory } from 'pino-pretty';
import { describeError, type LogFormat, type Logger, type LogLevel } from './logger.ts';
import { redactSecrets } from './redact.ts';

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
