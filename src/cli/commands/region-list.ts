import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printListing } from '../output.ts';
import { withCloudApi } from './cloud.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const { signal } = context;
  const provider = (input.text('provider') ?? '').toUpperCase();
  const regions = await withCloudApi(context, input, (api) =>
    api.listRegions(input.isSet('serverless') ? { provider, serverless: true } : { provider }, { signal }),
  );
  await printListing(context, {
    rows: regions,
    columns: [
      { title: 'name', text: (region) => region.name },
      { title: 'location', text: (region) => region.location ?? '' },
      { title: 'cloud', text: (region) => region.provider ?? provider },
      { title: 'km away', text: (region) => distance(region.distance), isNumber: true },
    ],
    json: { regions },
    empty: `No regions of ${provider}.`,
  });
  return exitCodes.done;
}

function distance(kilometres: number | undefined): string {
  return kilometres === undefined ? '' : String(Math.round(kilometres));
}
