import { UsageError } from '../../errors.ts';
import { retireDelivery } from '../../ledger/deliveries.ts';
import { underDeliveryLease } from '../../ledger/operator-lease.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printJson } from '../output.ts';
import { confirm } from '../prompt.ts';
import { namedDeliveries, withStore } from './store-access.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const sink = input.required('sink');
  await withStore(context, { command: 'sink retire', looksOnly: false }, async ({ ledger, loaded }) => {
    const found = await namedDeliveries(ledger, { organization: input.text('organization'), sink });
    const live = found.filter(({ delivery }) => delivery.retiredAt === undefined);
    if (live.length === 0)
      throw new UsageError(`The sink "${sink}" is retired already.`, { code: 'sink_retired' });
    const names = live.map(({ organization }) => organization.name).join(', ');
    await confirm(context, `Retire the sink "${sink}" for ${names}? It gets nothing any more.`);
    for (const { organization, delivery } of live) {
      await underDeliveryLease(ledger, { delivery, organization: organization.name }, (lease) =>
        retireDelivery(ledger, lease, delivery),
      );
    }
    if (context.output === 'json') {
      await printJson(context, {
        sink,
        retired: live.map(({ organization, delivery }) => ({
          organization: organization.name,
          offset: delivery.offset,
        })),
      });
    }
    note(
      context,
      `The sink "${sink}" is retired for ${names}: it no longer holds back what may be pruned. What it wrote stays.`,
    );
    if (loaded.config.sinks.some(({ name }) => name === sink)) {
      note(context, 'It is still in the configuration: the next run takes it up again unless you remove it.');
    }
  });
  return exitCodes.done;
}
