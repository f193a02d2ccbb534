/**
 * Leases for commands: an operator's change of a position is made while nobody works from that position. A command
 * does not wait; it says who has the lease.
 */
import { ExporterError } from '../errors.ts';
import { listDeliveries, type Delivery, type DeliveryLease } from './deliveries.ts';
import { acquireLease, leaseHolder, type Lease, type LeaseTarget } from './leases.ts';
import type { Ledger } from './ledger.ts';
import type { Organization } from './organizations.ts';

export interface LeaseWork {
  readonly target: LeaseTarget;
  /** The organization's name, for the message. */
  readonly organization: string;
}

/** All that a process may hold of these organizations: their reading, and every delivery of theirs that is not retired. */
export async function allWork(
  ledger: Ledger,
  organizations: readonly Pick<Organization, 'id' | 'name'>[],
): Promise<LeaseWork[]> {
  const names = new Map(organizations.map(({ id, name }) => [id, name]));
  const live = (await listDeliveries(ledger)).filter(({ retiredAt }) => retiredAt === undefined);
  return [
    ...organizations.map(({ id, name }): LeaseWork => ({
      target: { work: 'read', organization: id },
      organization: name,
    })),
    ...live.map(({ organization, sink }): LeaseWork => ({
      target: { work: 'deliver', organization, sink },
      organization: names.get(organization) ?? String(organization),
    })),
  ];
}

/**
 * Runs `body` under the lease and gives it back. Throws an ExporterError of kind `held`, which names the holder, when
 * another process has it.
 */
export async function underDeliveryLease<T>(
  ledger: Ledger,
  work: { readonly delivery: Delivery; readonly organization: string },
  body: (lease: DeliveryLease) => Promise<T>,
): Promise<T> {
  const { organization, sink } = work.delivery;
  const target = { work: 'deliver', organization, sink } as const;
  return await underLease(ledger, { target, organization: work.organization }, (lease) =>
    body({ ...lease, target }),
  );
}

/** The same for any lease. */
export async function underLease<T>(
  ledger: Ledger,
  work: LeaseWork,
  body: (lease: Lease) => Promise<T>,
): Promise<T> {
  const lease = await takeLease(ledger, work);
  try {
    return await body(lease);
  } finally {
    await lease.release();
  }
}

/** Runs `body` under all of the leases, in their order; none is kept when one of them is held by another process. */
export async function underLeases<T>(
  ledger: Ledger,
  works: readonly LeaseWork[],
  body: (leases: readonly Lease[]) => Promise<T>,
): Promise<T> {
  const leases: Lease[] = [];
  try {
    for (const work of works) leases.push(await takeLease(ledger, work));
    return await body(leases);
  } finally {
    for (const lease of leases.toReversed()) await lease.release();
  }
}

async function takeLease(ledger: Ledger, work: LeaseWork): Promise<Lease> {
  const lease = await acquireLease(ledger, work.target);
  if (lease !== undefined) return lease;
  const holder = (await leaseHolder(ledger, work.target))?.holder;
  const job =
    work.target.work === 'read'
      ? `reads the organization "${work.organization}"`
      : `feeds the sink "${work.target.sink}" with "${work.organization}"`;
  throw new ExporterError(
    `Another process (${holder ?? 'it has just ended'}) ${job} at the moment, so nothing was changed. Stop it first; ` +
      "the lease of one that was killed runs out by itself within the configuration's `lease`.",
    { kind: 'held', code: 'lease_held', retryable: true },
  );
}
