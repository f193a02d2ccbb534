import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printJson } from '../output.ts';
import { confirm } from '../prompt.ts';
import { clusterTitle, findCluster, withCloudApi } from './cloud.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const { signal } = context;
  await withCloudApi(context, input, async (api) => {
    // Asked for even when the id was given, so that the question names what would be gone.
    const cluster = await findCluster(api, input.required('id'), signal);
    await confirm(context, `Delete the cluster ${clusterTitle(cluster)} and all its data?`);
    const deleted = await api.deleteCluster(cluster.id, { signal });
    if (context.output === 'json') await printJson(context, deleted ?? { id: cluster.id });
    note(context, `Deleted ${clusterTitle(cluster)}.`);
  });
  return exitCodes.done;
}
