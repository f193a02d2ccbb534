/** One run of the command line, from arguments to exit code. Nothing in here ends the process. */
import { UsageError } from '../errors.ts';
import type { CommandEntry, CommandInput } from './command.ts';
import { createContext, type CliContext } from './context.ts';
import { exitCodeOf, exitCodes, type ExitCode } from './exit-codes.ts';
import type { GlobalOptions } from './global-options.ts';
import { printError } from './print-error.ts';
import { buildProgram, isPrinted, isWrongCommandLine } from './program.ts';
import { listenForStop, StopRequested, type StopSignals } from './signals.ts';

export interface RunOptions {
  readonly process: Pick<NodeJS.Process, 'env' | 'stdin' | 'stdout' | 'stderr' | 'on' | 'off'>;
  /** The words after the program's name. */
  readonly arguments: readonly string[];
  readonly version: string;
  readonly commands: readonly CommandEntry[];
  /** Ends the process with this code, at once. */
  readonly endNow: (exitCode: number) => void;
}

export async function runCli(options: RunOptions): Promise<ExitCode> {
  const { process } = options;
  const stop = listenForStop(process, { endNow: options.endNow });
  stopWithReader(process.stdout, stop);
  let context = contextOf(options, stop.signal, {});
  let exitCode: ExitCode = exitCodes.done;
  const execute = async (entry: CommandEntry, input: CommandInput, globals: GlobalOptions): Promise<void> => {
    context = contextOf(options, stop.signal, globals, entry);
    const { run } = await entry.load();
    exitCode = await run(context, input);
  };
  const program = buildProgram({ ...options, streams: process, execute });
  try {
    if (options.arguments.length === 0) {
      process.stderr.write(program.helpInformation());
      return exitCodes.usage;
    }
    await program.parseAsync([...options.arguments], { from: 'user' });
    return exitCode;
  } catch (error) {
    return failed(error, context);
  } finally {
    stop.release();
  }
}

function failed(error: unknown, context: CliContext): ExitCode {
  if (isPrinted(error)) return exitCodes.done;
  if (isWrongCommandLine(error)) return exitCodes.usage;
  const stopped: unknown = context.signal.reason;
  const exitCode = exitCodeOf(error, stopped);
  // Whoever asked for the end knows why it came.
  const isExpected = stopped instanceof StopRequested && exitCode === exitCodeOf(stopped);
  if (!isExpected && !(error instanceof StopRequested)) printError(context, error);
  return exitCode;
}

/**
 * Stops when nobody reads stdout any more. The listener stays for the life of the process: the error of a last write
 * may come after everything else, and without a listener it would be an uncaught one.
 */
function stopWithReader(stdout: NodeJS.WriteStream, stop: StopSignals): void {
  stdout.on('error', (error: Error) => {
    // Any other failure of stdout has rejected the write that it hit.
    if ('code' in error && error.code === 'EPIPE') stop.stop('reader_gone');
  });
}

function contextOf(
  { process }: RunOptions,
  signal: AbortSignal,
  globals: GlobalOptions,
  entry?: CommandEntry,
): CliContext {
  const formats = entry?.formats ?? ['table'];
  const output = globals.output ?? formats[0] ?? 'table';
  if (entry?.formats !== undefined && !entry.formats.includes(output)) {
    throw new UsageError(`\`${entry.path}\` has no output as ${output}; it has ${formats.join(' and ')}.`);
  }
  return createContext({
    process,
    signal,
    noInput: globals.input === false,
    yes: globals.yes === true,
    quiet: globals.quiet === true,
    output,
    configPath: globals.config,
    logLevel: globals.logLevel,
  });
}
