import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printJson } from '../output.ts';
import { readPassword } from '../prompt.ts';
import { clusterId, withCloudApi } from './cloud.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const { signal } = context;
  const name = input.required('name');
  const password = await readPassword(context, {
    fromStdin: input.isSet('password-stdin'),
    message: `Password of the new SQL user ${name}:`,
  });
  await withCloudApi(context, input, async (api) => {
    const id = await clusterId(api, input.required('id'), signal);
    const user = await api.createSqlUser({ clusterId: id, name, password }, { signal });
    if (context.output === 'json') await printJson(context, user);
    note(context, `Created the SQL user ${user.name} of ${id}.`);
  });
  return exitCodes.done;
}
