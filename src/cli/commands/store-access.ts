/** What the commands share that look at the store or change positions in it: opening it, and finding what names mean. */
import type { LoadedConfig } from '../../../config/load.ts';
import { UsageError } from '../../errors.ts';
import { openStore, type OpenStore } from '../../exporter/open-ledger.ts';
import { listDeliveries, type Delivery } from '../../ledger/deliveries.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import {
  findOrganization,
  listOrganizations,
  unknownOrganization,
  type Organization,
} from '../../ledger/organizations.ts';
import type { Logger } from '../../logger.ts';
import type { CliContext } from '../context.ts';
import { load, loggerOf } from '../load.ts';

export interface StoreAccess extends OpenStore {
  readonly loaded: LoadedConfig;
  readonly logger: Logger;
}

export interface StoreNeeds {
  /** The words of the command, for others who find the store in use. */
  readonly command: string;
  /** Looking makes no tables and no directory. */
  readonly looksOnly: boolean;
}

/** Runs `work` with the store open, without asking for an API key, and closes it. */
export async function withStore<T>(
  context: CliContext,
  needs: StoreNeeds,
  work: (store: StoreAccess) => Promise<T>,
): Promise<T> {
  const loaded = await load(context, { needsKey: false });
  const { config } = loaded;
  const logger = loggerOf(context, loaded);
  const store = await openStore({
    store: needs.looksOnly ? { ...config.store, migrate: false } : config.store,
    leaseMs: config.leaseMs,
    logger,
    command: `ccloud-audit ${needs.command}`,
    create: false,
    signal: context.signal,
  });
  try {
    return await work({ ...store, loaded, logger });
  } finally {
    await store.close();
  }
}

export async function organizationNamed(ledger: Ledger, name: string): Promise<Organization> {
  const organization = await findOrganization(ledger, name);
  if (organization === undefined) throw unknownOrganization(name);
  return organization;
}

/** All organizations of the store, or the one that is named. */
export async function organizationsNamed(ledger: Ledger, name: string | undefined): Promise<Organization[]> {
  return name === undefined ? await listOrganizations(ledger) : [await organizationNamed(ledger, name)];
}

export interface NamedDelivery {
  readonly organization: Organization;
  readonly delivery: Delivery;
}

/** The deliveries of the store in the order of names, retired ones too. */
export async function namedDeliveries(
  ledger: Ledger,
  only: { readonly organization?: string | undefined; readonly sink?: string | undefined } = {},
): Promise<NamedDelivery[]> {
  const organizations = await organizationsNamed(ledger, only.organization);
  const deliveries = await listDeliveries(ledger);
  const found = organizations.flatMap((organization) =>
    deliveries
      .filter((delivery) => delivery.organization === organization.id)
      .filter((delivery) => only.sink === undefined || delivery.sink === only.sink)
      .map((delivery) => ({ organization, delivery })),
  );
  if (only.sink !== undefined && found.length === 0) throw unknownSink(only.sink, only.organization);
  return found;
}

/** One delivery that is in use. */
export async function liveDelivery(
  ledger: Ledger,
  only: { readonly organization: string; readonly sink: string },
): Promise<NamedDelivery> {
  const [found] = await namedDeliveries(ledger, only);
  if (found === undefined) throw unknownSink(only.sink, only.organization);
  if (found.delivery.retiredAt === undefined) return found;
  throw new UsageError(
    `The sink "${only.sink}" was retired for "${only.organization}"; it gets nothing any more.`,
    {
      code: 'sink_retired',
    },
  );
}

function unknownSink(sink: string, organization: string | undefined): UsageError {
  const where = organization === undefined ? '' : ` for "${organization}"`;
  return new UsageError(
    `The store knows no sink named "${sink}"${where}. \`ccloud-audit offset list\` shows which there are.`,
    { code: 'sink_unknown' },
  );
}
