import { forgetCoverage } from '../../ledger/checkpoints.ts';
import { underLease } from '../../ledger/operator-lease.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printJson } from '../output.ts';
import { confirm } from '../prompt.ts';
import { organizationNamed, withStore } from './store-access.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const name = input.required('organization');
  await withStore(context, { command: 'checkpoint reset', looksOnly: false }, async ({ ledger }) => {
    const organization = await organizationNamed(ledger, name);
    await confirm(context, `Have everything of "${name}" read from the Cloud API once more?`);
    const target = { work: 'read', organization: organization.id } as const;
    await underLease(ledger, { target, organization: name }, (lease) => forgetCoverage(ledger, lease));
    if (context.output === 'json') {
      await printJson(context, {
        organization: name,
        from: organization.tailCheckpoint ?? null,
        to: null,
      });
    }
    note(
      context,
      `What time of "${name}" was read is forgotten. The next run reads it all once more; known entries drop.`,
    );
  });
  return exitCodes.done;
}
