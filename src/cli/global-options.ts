import { InvalidArgumentError, Option, type Command } from 'commander';
import { logLevels, type LogLevel } from '../logger.ts';
import { outputFormats, type OutputFormat } from './context.ts';

/** The options that stand before and after every command; what stands nearer to the command wins. */
export interface GlobalOptions {
  readonly config?: string;
  readonly output?: OutputFormat;
  readonly quiet?: true;
  readonly yes?: true;
  readonly input?: boolean;
  readonly logLevel?: LogLevel;
}

const heading = 'Options of every command:';

export function addGlobalOptions(command: Command, formats: readonly OutputFormat[] = outputFormats): void {
  const options = [
    new Option('-c, --config <file>', 'the configuration (default: $CCLOUD_AUDIT_CONFIG, else none)'),
    ...(formats.length === 0 ? [] : [outputOption(formats)]),
    new Option('--quiet', 'results and errors only'),
    new Option('--yes', 'take yes for an answer to what would be asked'),
    // Without a default of its own commander would set `input` to true at every level and hide an outer --no-input.
    new Option('--no-input', 'never ask').default(undefined),
    new Option('--log-level <level>', 'the least severe log messages to show').choices(logLevels),
  ];
  for (const option of options) {
    command.addOption(option.helpGroup(heading));
  }
  command.helpOption('-h, --help', 'show this help');
}

/** The options of a command and of the words above it, the nearest first. */
export function readGlobalOptions(command: Command): GlobalOptions {
  const levels: Command[] = [];
  for (let level: Command | null = command; level !== null; level = level.parent) levels.unshift(level);
  const merged: Record<string, unknown> = {};
  for (const level of levels) {
    for (const name of ['config', 'output', 'quiet', 'yes', 'input', 'logLevel']) {
      const value: unknown = level.getOptionValue(name);
      if (value !== undefined) merged[name] = value;
    }
  }
  return merged;
}

function outputOption(formats: readonly OutputFormat[]): Option {
  const list = formats.join(', ');
  return new Option('-o, --output <format>', `${list} (default: ${formats[0] ?? ''})`).argParser((value) => {
    const format = formats.find((name) => name === value);
    if (format === undefined) throw new InvalidArgumentError(`It may be ${list}.`);
    return format;
  });
}
