import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { findCluster, withCloudApi } from './cloud.ts';
import { printCluster } from './cluster-output.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const cluster = await withCloudApi(context, input, (api) =>
    findCluster(api, input.required('id'), context.signal),
  );
  await printCluster(context, cluster);
  return exitCodes.done;
}
