import { printableConfig, printConfigAsYaml } from '../../../config/printable.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { load } from '../load.ts';
import { note, printJson, write } from '../output.ts';

export async function run(context: CliContext): Promise<ExitCode> {
  const loaded = await load(context, { needsKey: false });
  if (loaded.file === undefined) note(context, 'No configuration file; this is what holds without one.');
  if (loaded.implicitKey !== undefined)
    note(context, 'The organization is the one that COCKROACH_API_KEY belongs to.');
  if (context.output === 'json') await printJson(context, printableConfig(loaded.config));
  else await write(context, printConfigAsYaml(loaded.config));
  return exitCodes.done;
}
