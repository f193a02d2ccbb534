import { UsageError } from '../../errors.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printJson } from '../output.ts';
import { clusterId, withCloudApi } from './cloud.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const { signal } = context;
  const text = input.required('cents');
  if (!/^\d{1,10}$/.test(text)) {
    throw new UsageError(`The limit must be a whole number of US cents a month, not "${text}".`, {
      code: 'argument_invalid',
    });
  }
  const cents = Number(text);
  await withCloudApi(context, input, async (api) => {
    const id = await clusterId(api, input.required('id'), signal);
    const cluster = await api.setSpendLimit({ clusterId: id, cents }, { signal });
    if (context.output === 'json') await printJson(context, cluster ?? { id });
    note(context, `The spend limit of ${id} is ${(cents / 100).toFixed(2)} US dollars a month.`);
  });
  return exitCodes.done;
}
