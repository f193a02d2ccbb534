import { ExporterError, toError } from '../errors.ts';
import { describeError } from '../logger.ts';
import { redactSecrets } from '../redact.ts';
import type { CliContext } from './context.ts';
import { escapeJson, escapeLinesForTerminal } from './escape.ts';
import { StopRequested } from './signals.ts';

/**
 * The last word on stderr: one block for people, one line of JSON with `-o json`. Our own errors say all in their
 * sentence; a stack is shown only at log level debug or trace.
 */
export function printError(context: CliContext, thrown: unknown): void {
  context.stderr.write(
    context.output === 'json' ? asJson(thrown) : asText(thrown, { ...context, color: context.color.stderr }),
  );
}

interface TextOptions {
  readonly color: boolean;
  readonly logLevel: string | undefined;
}

function asJson(thrown: unknown): string {
  const kind = thrown instanceof ExporterError ? thrown.kind : 'unexpected';
  const error = { kind, ...describeError(thrown) };
  return `${escapeJson(redactSecrets(JSON.stringify({ error })))}\n`;
}

function asText(thrown: unknown, options: TextOptions): string {
  const error = toError(thrown);
  const wantsStack = options.logLevel === 'debug' || options.logLevel === 'trace';
  const isOurs = error instanceof ExporterError;
  const label = options.color ? '\u001b[31merror:\u001b[39m' : 'error:';
  const lines = [
    isOurs ? error.message : `Something unexpected failed: ${error.message}`,
    ...(isOurs && !wantsStack ? [] : causes(error)),
    ...(isOurs || wantsStack
      ? []
      : ['This is a defect of the program. --log-level debug shows where it happened.']),
    ...(wantsStack && !(error instanceof StopRequested) ? [error.stack ?? ''] : []),
  ];
  return `${label} ${escapeLinesForTerminal(redactSecrets(lines.join('\n')))}\n`;
}

function causes(error: Error): readonly string[] {
  const { cause } = error;
  if (cause === undefined) return [];
  const inner = toError(cause);
  return [`  because: ${inner.message}`, ...causes(inner)];
}
