/** Reading an organization, as a daemon does it and as a one-shot does it. Both begin by asking whose key this is. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditSource } from '../cloud-api/audit-page.ts';
import { beginningOfTime, endOfTime, type Interval } from '../ledger/coverage.ts';
import type { Lease } from '../ledger/leases.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { findOrganization, registerOrganization, type Organization } from '../ledger/organizations.ts';
import { createOrganizationReader, type OrganizationReader } from '../reader/organization-reader.ts';
import type { Nanos } from '../time.ts';
import type { Exporter, ExporterOrganization } from './exporter.ts';

/**
 * The organization's row, made if this is the first time it is seen. The API is not asked: sinks are fed from the
 * ledger while the API is down. Whose key it is is checked before anything is read.
 */
export async function registerByName(
  exporter: Exporter,
  organization: ExporterOrganization,
): Promise<Organization> {
  return await registerOrganization(exporter.ledger, {
    name: organization.name,
    cloudId: undefined,
    label: undefined,
    startFrom: organization.startFrom ?? beginningOfTime,
  });
}

/** Pins the key's organization to the name, or refuses a key that belongs to another one. */
export async function confirmIdentity(
  exporter: Exporter,
  organization: ExporterOrganization,
  signal: AbortSignal,
): Promise<Organization> {
  const info = await organization.source.organization({ signal });
  if (info === undefined) {
    exporter.logger.warn(
      { organization: organization.name },
      'the api does not tell whose key this is (404 on /api/v1/organization), a swapped key would not be noticed',
    );
  }
  return await registerOrganization(exporter.ledger, {
    name: organization.name,
    cloudId: info?.id,
    label: info?.label,
    startFrom: organization.startFrom ?? beginningOfTime,
  });
}

export interface LeasedReading {
  readonly reader: OrganizationReader;
  readonly organization: Organization;
  /** The API with the confirmed key. */
  readonly source: AuditSource;
  /** Asks again whose key it is where the key has changed since. */
  confirmKey(signal: AbortSignal): Promise<void>;
}

/** A reader under a lease, after first contact. */
export async function startReading(
  exporter: Exporter,
  work: { readonly organization: ExporterOrganization; readonly lease: Lease },
  signal: AbortSignal,
): Promise<LeasedReading> {
  const { keyGeneration } = work.organization;
  let generation: number | undefined;
  const confirm = async (): Promise<Organization> => {
    for (;;) {
      const asked = keyGeneration();
      const confirmed = await confirmIdentity(exporter, work.organization, signal);
      // The key that was asked about may be a newer one, or there may be a newer one yet.
      if (keyGeneration() !== asked) continue;
      generation = asked;
      return confirmed;
    }
  };
  const organization = await confirm();
  const confirmKey = async (): Promise<void> => {
    if (keyGeneration() !== generation) await confirm();
  };
  const source: AuditSource = {
    ...work.organization.source,
    // The key of every page is the one whose organization was confirmed.
    auditLogPage: async (request) => {
      for (;;) {
        await confirmKey();
        const page = await work.organization.source.auditLogPage(request);
        // A key is read again for the request itself: the page counts only if that was the confirmed one.
        if (keyGeneration() === generation) return page;
      }
    },
  };
  const reader = createOrganizationReader({
    ledger: exporter.ledger,
    lease: work.lease,
    organization,
    source,
    settings: exporter.settings,
    observer: exporter.observer,
    logger: exporter.logger.child({ organization: organization.name }),
  });
  await reader.prepare(signal);
  return { reader, organization, source, confirmKey };
}

/** What `run` demands: everything from where the organization starts. */
export function demandOf(organization: Organization): Interval {
  return { from: organization.startFrom, to: endOfTime };
}

/** The default of a backfill: everything from where the organization starts up to now. */
export function demandUntil(
  organization: Organization,
  range: { from: Nanos | undefined; to: Nanos },
): Interval {
  return { from: range.from ?? organization.startFrom, to: range.to };
}

const contactPollMs = 250;

/**
 * The organization after first contact, when its identity is known: a sink that is attached before could never write it
 * down. Until then there is nothing to feed. Rejects with the signal's reason.
 */
export async function afterFirstContact(
  ledger: Ledger,
  organization: Organization,
  signal: AbortSignal,
): Promise<Organization> {
  for (;;) {
    const known = (await findOrganization(ledger, organization.name)) ?? organization;
    if (known.boundary !== undefined) return known;
    await delay(contactPollMs, undefined, { signal });
  }
}
