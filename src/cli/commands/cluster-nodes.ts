import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printListing } from '../output.ts';
import { clusterId, withCloudApi } from './cloud.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const { signal } = context;
  const nodes = await withCloudApi(context, input, async (api) =>
    api.listNodes(await clusterId(api, input.required('id'), signal), { signal }),
  );
  await printListing(context, {
    rows: nodes,
    columns: [
      { title: 'name', text: (node) => node.name },
      { title: 'region', text: (node) => node.region_name ?? '' },
      { title: 'status', text: (node) => node.status ?? '' },
    ],
    json: { nodes },
    empty: 'No nodes; only Advanced clusters show them.',
  });
  return exitCodes.done;
}
