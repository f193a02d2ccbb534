import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printJson } from '../output.ts';
import { confirm } from '../prompt.ts';
import { clusterTitle, findCluster, withCloudApi } from './cloud.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const { signal } = context;
  const name = input.required('name');
  await withCloudApi(context, input, async (api) => {
    const cluster = await findCluster(api, input.required('id'), signal);
    await confirm(context, `Delete the SQL user ${name} of the cluster ${clusterTitle(cluster)}?`);
    const user = await api.deleteSqlUser({ clusterId: cluster.id, name }, { signal });
    if (context.output === 'json') await printJson(context, user);
    note(context, `Deleted the SQL user ${user.name} of ${clusterTitle(cluster)}.`);
  });
  return exitCodes.done;
}
