import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { moveOffsetOf } from './offset-move.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const move = { to: 'beginning', skip: false } as const;
  await moveOffsetOf(context, input, { command: 'offset reset', move });
  return exitCodes.done;
}
