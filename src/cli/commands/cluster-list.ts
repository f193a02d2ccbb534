import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { withCloudApi } from './cloud.ts';
import { printClusters } from './cluster-output.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const { signal } = context;
  const clusters = await withCloudApi(context, input, (api) =>
    api.listClusters({ signal, showInactive: input.isSet('show-inactive') }),
  );
  await printClusters(context, clusters);
  return exitCodes.done;
}
