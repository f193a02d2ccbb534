import { retryParked } from '../../delivery/retry-parked.ts';
import { UsageError } from '../../errors.ts';
import { buildSink } from '../../exporter/build-sinks.ts';
import { countParked } from '../../ledger/parked.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printListing } from '../output.ts';
import { namedDeliveries, withStore, type NamedDelivery, type StoreAccess } from './store-access.ts';

interface Retried {
  readonly organization: string;
  readonly sink: string;
  readonly taken: number;
  readonly remaining: number;
}

/** Exit code 7 where something stays parked. */
export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const only = { organization: input.text('organization'), sink: input.text('sink') };
  const retried: Retried[] = [];
  await withStore(context, { command: 'parked retry', looksOnly: false }, async (store) => {
    try {
      for (const work of await workOf(store, only)) retried.push(await retryOne(context, store, work));
    } catch (error) {
      // What was taken before something failed is taken.
      if (retried.length > 0) await print(context, retried);
      throw error;
    }
  });
  await print(context, retried);
  return retried.some(({ remaining }) => remaining > 0) ? exitCodes.parked : exitCodes.done;
}

/** The deliveries in use that have something parked. */
async function workOf(
  { ledger }: StoreAccess,
  only: { readonly organization: string | undefined; readonly sink: string | undefined },
): Promise<NamedDelivery[]> {
  const counts = await countParked(ledger);
  return (await namedDeliveries(ledger, only)).filter(
    ({ organization, delivery }) =>
      delivery.retiredAt === undefined &&
      counts.some((count) => count.organization === organization.id && count.sink === delivery.sink),
  );
}

async function retryOne(
  context: CliContext,
  store: StoreAccess,
  { organization, delivery }: NamedDelivery,
): Promise<Retried> {
  const config = store.loaded.config.sinks.find(({ name }) => name === delivery.sink);
  if (config === undefined) {
    throw new UsageError(
      `The sink "${delivery.sink}" has parked entries of "${organization.name}" but is not in the configuration. ` +
        `Put it back, or run \`ccloud-audit sink retire ${delivery.sink}\`.`,
      { code: 'sink_not_configured' },
    );
  }
  const sink = await buildSink(config, { storeDatabase: store.database, stdout: context.stdout });
  try {
    await sink.open({ signal: context.signal });
    const result = await retryParked({
      ledger: store.ledger,
      organization,
      delivery,
      sink,
      logger: store.logger.child({ organization: organization.name, sink: sink.name }),
      signal: context.signal,
    });
    return { organization: organization.name, sink: sink.name, ...result };
  } finally {
    await sink.close();
  }
}

async function print(context: CliContext, retried: readonly Retried[]): Promise<void> {
  await printListing(context, {
    rows: retried,
    columns: [
      { title: 'organization', text: ({ organization }) => organization },
      { title: 'sink', text: ({ sink }) => sink },
      { title: 'taken', text: ({ taken }) => String(taken), isNumber: true },
      { title: 'still parked', text: ({ remaining }) => String(remaining), isNumber: true },
    ],
    json: { retried },
    empty: 'Nothing is parked.',
  });
}
