import type { LogLevel } from '../logger.ts';
import type { Environment } from '../../config/variables.ts';

export const outputFormats = ['table', 'json', 'csv'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** What a command gets of the process and of the options that every command has. */
export interface CliContext {
  readonly env: Environment;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by the first SIGTERM or SIGINT; the reason is a StopRequested. */
  readonly signal: AbortSignal;
  /** Whether somebody can be asked: stdin and stderr are terminals and `--no-input` was not given. */
  readonly isInteractive: boolean;
  /** `--yes`: what would ask takes yes for an answer. */
  readonly yes: boolean;
  /** `--quiet`: results and errors only. */
  readonly quiet: boolean;
  readonly output: OutputFormat;
  /** Whether colours may be used on stdout and stderr: terminals, and no NO_COLOR. */
  readonly color: { readonly stdout: boolean; readonly stderr: boolean };
  /** `--config`. */
  readonly configPath: string | undefined;
  /** `--log-level`; undefined leaves it to the environment and the file. */
  readonly logLevel: LogLevel | undefined;
}

export interface ContextOptions {
  readonly process: Pick<NodeJS.Process, 'env' | 'stdin' | 'stdout' | 'stderr'>;
  readonly signal: AbortSignal;
  readonly noInput: boolean;
  readonly yes: boolean;
  readonly quiet: boolean;
  readonly output: OutputFormat;
  readonly configPath: string | undefined;
  readonly logLevel: LogLevel | undefined;
}

export function createContext(options: ContextOptions): CliContext {
  const { process, noInput, ...rest } = options;
  const { env, stdin, stdout, stderr } = process;
  // https://no-color.org: present and not empty, whatever its value.
  const mayColor = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  return {
    ...rest,
    env,
    stdin,
    stdout,
    stderr,
    isInteractive: !noInput && stdin.isTTY && stderr.isTTY,
    color: { stdout: mayColor && stdout.isTTY, stderr: mayColor && stderr.isTTY },
  };
}
