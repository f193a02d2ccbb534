/** What `offset set` and `offset reset` have in common. */
import { moveOffset, type OffsetMove } from '../../ledger/offsets.ts';
import { underDeliveryLease } from '../../ledger/operator-lease.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { note, printJson } from '../output.ts';
import { confirm } from '../prompt.ts';
import { liveDelivery, withStore } from './store-access.ts';

export async function moveOffsetOf(
  context: CliContext,
  input: CommandInput,
  options: { readonly command: string; readonly move: OffsetMove },
): Promise<void> {
  const name = input.required('organization');
  const sink = input.required('sink');
  const { command, move } = options;
  await withStore(context, { command, looksOnly: false }, async ({ ledger }) => {
    const { delivery } = await liveDelivery(ledger, { organization: name, sink });
    const place = move.to === 'beginning' ? String(delivery.firstSequence - 1) : String(move.to);
    await confirm(
      context,
      `Move the offset of the sink "${sink}" for "${name}" from ${delivery.offset} to ${place}?`,
    );
    const moved = await underDeliveryLease(ledger, { delivery, organization: name }, (lease) =>
      moveOffset(ledger, lease, { delivery, move }),
    );
    if (context.output === 'json') await printJson(context, { organization: name, sink, ...moved });
    note(
      context,
      moved.to > moved.from
        ? `The offset is ${moved.to} now: ${moved.to - moved.from} entries are left out.`
        : `The offset is ${moved.to} now: the sink gets what comes after it once more.`,
    );
  });
}
