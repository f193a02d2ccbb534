import { isArchive } from '../../ledger/offsets.ts';
import { countParked } from '../../ledger/parked.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printListing } from '../output.ts';
import { namedDeliveries, withStore, type NamedDelivery } from './store-access.ts';

interface OffsetRow extends NamedDelivery {
  readonly head: number;
  readonly parked: number;
  readonly isArchive: boolean;
}

export async function run(context: CliContext): Promise<ExitCode> {
  const rows = await withStore(context, { command: 'offset list', looksOnly: true }, async ({ ledger }) => {
    const counts = await countParked(ledger);
    const found: OffsetRow[] = [];
    for (const { organization, delivery } of await namedDeliveries(ledger)) {
      const parked = counts.find(
        (count) => count.organization === organization.id && count.sink === delivery.sink,
      );
      found.push({
        organization,
        delivery,
        head: organization.nextSequence - 1,
        parked: parked?.parked ?? 0,
        isArchive: await isArchive(ledger, delivery),
      });
    }
    return found;
  });
  await printListing(context, {
    rows,
    columns: [
      { title: 'organization', text: ({ organization }) => organization.name },
      { title: 'sink', text: ({ delivery }) => delivery.sink },
      { title: 'type', text: ({ delivery }) => delivery.type },
      { title: 'offset', text: ({ delivery }) => String(delivery.offset), isNumber: true },
      { title: 'head', text: ({ head }) => String(head), isNumber: true },
      { title: 'parked', text: ({ parked }) => String(parked), isNumber: true },
      {
        title: 'destination',
        text: ({ delivery }) =>
          delivery.retiredAt === undefined ? delivery.fingerprint : `${delivery.fingerprint} (retired)`,
      },
    ],
    json: { offsets: rows.map(toJson) },
    empty: 'The store knows no sink: nothing was delivered with it yet.',
  });
  return exitCodes.done;
}

function toJson({ organization, delivery, head, parked, isArchive: archive }: OffsetRow): object {
  return {
    organization: organization.name,
    sink: delivery.sink,
    type: delivery.type,
    destination: delivery.fingerprint,
    firstSequence: delivery.firstSequence,
    offset: delivery.offset,
    head,
    parked,
    movable: !archive && delivery.retiredAt === undefined,
    retiredAt: delivery.retiredAt ?? null,
  };
}
