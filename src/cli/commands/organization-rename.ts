import { renameOrganization } from '../../ledger/rename.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printJson } from '../output.ts';
import { confirm } from '../prompt.ts';
import { organizationNamed, withStore } from './store-access.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const from = input.required('from');
  const to = input.required('to');
  await withStore(context, { command: 'organization rename', looksOnly: false }, async ({ ledger }) => {
    await organizationNamed(ledger, from);
    await confirm(
      context,
      `Rename the organization "${from}" to "${to}"? What is written so far keeps the old name.`,
    );
    await renameOrganization(ledger, from, to);
    if (context.output === 'json') await printJson(context, { from, to });
    note(
      context,
      `"${from}" is "${to}" now; write that name into the configuration. What is written from now on carries it.`,
    );
  });
  return exitCodes.done;
}
