/**
 * What a command is to the frame: data that `--help` is made from, and a module that is loaded only when the command
 * is run. A command is added by one entry in `command-table.ts`.
 */
import type { CliContext, OutputFormat } from './context.ts';
import type { ExitCode } from './exit-codes.ts';

export interface OptionEntry {
  /** As commander wants it: `--from <time>`, `--dry-run`, `-f, --force`, `--sink <name>`. */
  readonly flags: string;
  readonly description: string;
  /** What holds without it; for the help text and as its value. */
  readonly default?: string;
  readonly choices?: readonly string[];
  /** Whether the command can't do without it. Default false. */
  readonly isRequired?: boolean;
  /** Whether it may be given several times, once for each value. Default false. */
  readonly isRepeatable?: boolean;
}

export interface ArgumentEntry {
  /** `<id>` is needed, `[file]` is not, `<sql...>` takes the rest. */
  readonly name: string;
  readonly description: string;
}

export interface CommandEntry {
  /** The words after the program's name: `cluster user list`. */
  readonly path: string;
  readonly summary: string;
  /** More for its own `--help`: a paragraph or two. */
  readonly details?: string;
  readonly group: CommandGroup;
  readonly aliases?: readonly string[];
  readonly arguments?: readonly ArgumentEntry[];
  readonly options?: readonly OptionEntry[];
  /** Whole command lines. */
  readonly examples?: readonly string[];
  /** The forms that its results can take; the first is the default. None: there is no `-o`. */
  readonly formats?: readonly OutputFormat[];
  readonly load: () => Promise<CommandModule>;
}

export const commandGroups = ['Export', 'Proof', 'Positions', 'Setup', 'Cloud API', 'Trying out'] as const;
export type CommandGroup = (typeof commandGroups)[number];

export interface CommandModule {
  /** Does the work; rejects with an ExporterError for what is expected to go wrong. */
  readonly run: (context: CliContext, input: CommandInput) => Promise<ExitCode>;
}

/** The arguments and options of one command line. */
export interface CommandInput {
  /** The argument of this name, without brackets; undefined when it is optional and was left out. */
  argument(name: string): string | undefined;
  /** An argument that the frame has made sure of. */
  required(name: string): string;
  /** The value of an option by its long name without dashes: `spend-limit`. */
  text(option: string): string | undefined;
  list(option: string): readonly string[];
  isSet(option: string): boolean;
  /** An option that is a whole number; rejects others with a UsageError. */
  wholeNumber(option: string, range?: NumberRange): number | undefined;
  number(option: string, range?: NumberRange): number | undefined;
}

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
}
