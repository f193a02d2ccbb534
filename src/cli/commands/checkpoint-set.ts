import { moveCheckpoint } from '../../ledger/checkpoints.ts';
import { underLease } from '../../ledger/operator-lease.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printJson } from '../output.ts';
import { confirm } from '../prompt.ts';
import { organizationNamed, withStore } from './store-access.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const name = input.required('organization');
  const to = input.required('time');
  const skip = input.isSet('skip');
  await withStore(context, { command: 'checkpoint set', looksOnly: false }, async ({ ledger }) => {
    const organization = await organizationNamed(ledger, name);
    const from = organization.tailCheckpoint ?? 'its beginning';
    await confirm(context, `Move the checkpoint of "${name}" from ${from} to ${to}?`);
    const target = { work: 'read', organization: organization.id } as const;
    const moved = await underLease(ledger, { target, organization: name }, (lease) =>
      moveCheckpoint(ledger, lease, { to, skip }),
    );
    if (context.output === 'json') {
      await printJson(context, {
        organization: name,
        from: moved.from,
        to: moved.to,
        skipped: moved.isForward,
      });
    }
    note(
      context,
      moved.isForward
        ? `The checkpoint of "${name}" is ${to} now. What was logged since ${moved.from} is left out, but for what the overlap and the next re-scan still reach.`
        : `The checkpoint of "${name}" is ${to} now. What was logged since is read once more; known entries drop.`,
    );
  });
  return exitCodes.done;
}
