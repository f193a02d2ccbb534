import { UsageError } from '../../errors.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { moveOffsetOf } from './offset-move.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const text = input.required('sequence');
  if (!/^\d{1,15}$/.test(text)) {
    throw new UsageError(
      `The sequence is the number of the last entry that the sink is to count as held, 0 for none; not "${text}".`,
      { code: 'sequence_invalid' },
    );
  }
  const move = { to: Number(text), skip: input.isSet('skip') };
  await moveOffsetOf(context, input, { command: 'offset set', move });
  return exitCodes.done;
}
