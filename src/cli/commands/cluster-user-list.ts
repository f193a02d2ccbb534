import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printListing } from '../output.ts';
import { clusterId, withCloudApi } from './cloud.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const { signal } = context;
  const users = await withCloudApi(context, input, async (api) =>
    api.listSqlUsers(await clusterId(api, input.required('id'), signal), { signal }),
  );
  await printListing(context, {
    rows: users,
    columns: [{ title: 'name', text: (user) => user.name }],
    json: { users },
    empty: 'No SQL users.',
  });
  return exitCodes.done;
}
