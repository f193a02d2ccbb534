/** Commander, and nothing but commander: the command table as a tree of commands. */
import { Argument, Command, CommanderError, Help, Option } from 'commander';
import type { CommandEntry, CommandGroup, CommandInput, OptionEntry } from './command.ts';
import { commandGroups } from './command.ts';
import { commandInput } from './command-input.ts';
import { addGlobalOptions, readGlobalOptions, type GlobalOptions } from './global-options.ts';
import { escapeLinesForTerminal } from './escape.ts';
import { closing, examplesText, overview } from './help.ts';

export interface Streams {
  readonly stdout: Pick<NodeJS.WriteStream, 'write'>;
  readonly stderr: Pick<NodeJS.WriteStream, 'write'>;
}

export type Execute = (entry: CommandEntry, input: CommandInput, globals: GlobalOptions) => Promise<void>;

export interface ProgramOptions {
  readonly version: string;
  readonly commands: readonly CommandEntry[];
  readonly streams: Streams;
  readonly execute: Execute;
}

/** Words that lead to commands but are none themselves. */
const topics: Readonly<Record<string, { readonly summary: string; readonly group: CommandGroup }>> = {
  config: { summary: 'write, check and show the configuration', group: 'Setup' },
  store: { summary: 'migrate or move the store', group: 'Setup' },
  organization: { summary: 'organizations in the store', group: 'Setup' },
  entry: { summary: 'look at one entry', group: 'Export' },
  checkpoint: { summary: 'how far each organization was read', group: 'Positions' },
  offset: { summary: 'how far each sink has got', group: 'Positions' },
  parked: { summary: 'entries that a sink can never take', group: 'Positions' },
  sink: { summary: 'sinks in the store', group: 'Positions' },
  key: { summary: 'keys that sign archives', group: 'Proof' },
  audit: { summary: 'the audit log straight from the API', group: 'Cloud API' },
  cluster: { summary: 'clusters and their SQL users', group: 'Cloud API' },
  'cluster user': { summary: 'SQL users of a cluster', group: 'Cloud API' },
  region: { summary: 'regions that clusters can be in', group: 'Cloud API' },
};

export function buildProgram(options: ProgramOptions): Command {
  const root = frame(new Command('ccloud-audit'), options.streams)
    .description(overview)
    .version(options.version, '--version', 'show the version')
    .addHelpText('after', closing);
  addGlobalOptions(root);
  const words = new Map<string, Command>([['', root]]);
  const inOrder = commandGroups.flatMap((group) => options.commands.filter((entry) => entry.group === group));
  for (const entry of inOrder) {
    const parts = entry.path.split(' ');
    const parent = ensureTopic(parts.slice(0, -1), words, options.streams);
    parent.addCommand(leaf(entry, parts.at(-1) ?? '', options));
  }
  return root;
}

/** True when commander has printed all there is to say: help or the version. */
export function isPrinted(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** True for a wrong command line, which commander has printed already. */
export function isWrongCommandLine(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode !== 0;
}

function frame(command: Command, streams: Streams): Command {
  return (
    command
      .exitOverride()
      .configureOutput({
        writeOut: (text) => void streams.stdout.write(text),
        // A message repeats what was typed, and that may have come from anywhere.
        writeErr: (text) => void streams.stderr.write(escapeLinesForTerminal(text)),
      })
      // What stands after a command belongs to it, so that its own choices hold.
      .enablePositionalOptions()
      .configureHelp({ formatHelp })
      .showSuggestionAfterError(true)
      .showHelpAfterError('--help says what there is.')
      .helpCommand(false)
  );
}

/** The list is changed for the page only: commander looks for a word that was meant in the same list. */
function formatHelp(command: Command, helper: Help): string {
  return new Help().formatHelp(command, Object.assign(helper, { visibleCommands: leavesOf, subcommandTerm }));
}

/** Help lists what can be run, with all its words, and not the words that only lead there. */
function leavesOf(command: Command): Command[] {
  return command.commands.flatMap((inner) => (inner.commands.length === 0 ? [inner] : leavesOf(inner)));
}

function subcommandTerm(command: Command): string {
  const words: string[] = [];
  for (let level = command; level.parent !== null; level = level.parent) words.unshift(level.name());
  const places = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [...words, ...places].join(' ');
}

function ensureTopic(parts: readonly string[], words: Map<string, Command>, streams: Streams): Command {
  const path = parts.join(' ');
  const known = words.get(path);
  if (known !== undefined) return known;
  const parent = ensureTopic(parts.slice(0, -1), words, streams);
  const topic = topics[path];
  const command = frame(new Command(parts.at(-1) ?? ''), streams).description(topic?.summary ?? '');
  if (topic !== undefined && parts.length === 1) command.helpGroup(`${topic.group}:`);
  addGlobalOptions(command);
  parent.addCommand(command);
  words.set(path, command);
  return command;
}

function leaf(entry: CommandEntry, name: string, { streams, execute }: ProgramOptions): Command {
  const command = frame(new Command(name), streams)
    .summary(entry.summary)
    .description(
      capitalized(entry.details === undefined ? entry.summary : `${entry.summary}.\n\n${entry.details}`),
    )
    .aliases([...(entry.aliases ?? [])])
    .allowExcessArguments(false)
    .addHelpText('after', examplesText(entry.examples));
  command.helpGroup(`${entry.group}:`);
  const names = (entry.arguments ?? []).map((argument) => {
    command.addArgument(new Argument(argument.name, argument.description));
    return argument.name.replaceAll(/[<>[\].]/g, '');
  });
  for (const option of entry.options ?? []) command.addOption(commanderOption(option));
  addGlobalOptions(command, entry.formats ?? []);
  return command.action(async () => {
    const values = new Map(names.map((argument, index) => [argument, command.args[index]]));
    await execute(entry, commandInput(values, command.opts()), readGlobalOptions(command));
  });
}

function commanderOption(entry: OptionEntry): Option {
  const option = new Option(entry.flags, entry.description).makeOptionMandatory(entry.isRequired === true);
  if (entry.default !== undefined) option.default(entry.default);
  if (entry.choices !== undefined) option.choices(entry.choices);
  // Repeated and not `<name...>`, which would swallow the arguments that follow it.
  if (entry.isRepeatable === true) {
    option.argParser((value, previous: readonly string[] | undefined) => [...(previous ?? []), value]);
  }
  return option;
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
