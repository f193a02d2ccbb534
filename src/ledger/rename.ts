/**
 * Another name for an organization. Its sequences and its evidence stay; what is written from now on carries the new
 * name, what was written before keeps the old one.
 */
import { ExporterError, UsageError } from '../errors.ts';
import { listDeliveries } from './deliveries.ts';
import { writeJournal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import { plannedObject } from './objects.ts';
import { underLeases, type LeaseWork } from './operator-lease.ts';
import { findOrganization, unknownOrganization } from './organizations.ts';

const renameRow = `UPDATE ledger.organizations SET name = $2 WHERE id = $1`;
// What a table holds carries the old name, and the sink would be asked for the last entry under the new one: where there
// are no objects, whose names are remembered, the sink begins anew after its offset.
const beginAfterOffsets = `UPDATE ledger.deliveries AS d SET first_sequence = acknowledged + 1
  WHERE d.organization = $1 AND d.retired_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM ledger.objects o WHERE o.organization = $1 AND o.sink = d.sink)`;

const nameForm = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * Renames under the leases of all the organization's work. Throws a UsageError for a name that can't be, an
 * ExporterError of kind `held` while somebody works, and `object_planned` while an archive object is begun: its name,
 * with the old one in it, is fixed.
 */
export async function renameOrganization(ledger: Ledger, from: string, to: string): Promise<void> {
  if (!nameForm.test(to)) throw badName(to);
  const organization = await findOrganization(ledger, from);
  if (organization === undefined) throw unknownOrganization(from);
  const deliveries = (await listDeliveries(ledger)).filter(
    (delivery) => delivery.organization === organization.id && delivery.retiredAt === undefined,
  );
  const works: LeaseWork[] = [
    { target: { work: 'read', organization: organization.id }, organization: from },
    ...deliveries.map(({ sink }): LeaseWork => ({
      target: { work: 'deliver', organization: organization.id, sink },
      organization: from,
    })),
  ];
  await underLeases(ledger, works, async () => {
    for (const { sink } of deliveries) {
      const plan = await plannedObject(ledger, organization.id, sink);
      if (plan !== undefined) throw objectPlanned({ organization: from, sink, key: plan.key });
    }
    await ledger.database.transaction(async (transaction) => {
      if ((await findOrganization(ledger, to, transaction)) !== undefined) throw nameTaken(to);
      await transaction.query(beginAfterOffsets, [organization.id]);
      await transaction.query(renameRow, [organization.id, to]);
      await writeJournal(
        ledger,
        { what: 'organization_renamed', organization: organization.id, detail: { from, to } },
        transaction,
      );
    });
  });
}

function badName(name: string): UsageError {
  return new UsageError(
    `An organization's name is part of paths: lower-case letters, digits and dashes, at most 63, the first no dash; not "${name}".`,
    { code: 'organization_name_invalid' },
  );
}

function nameTaken(name: string): UsageError {
  return new UsageError(`There is already an organization named "${name}" in the store.`, {
    code: 'organization_name_taken',
  });
}

function objectPlanned(plan: {
  readonly organization: string;
  readonly sink: string;
  readonly key: string;
}): ExporterError {
  return new ExporterError(
    `The sink "${plan.sink}" has begun the object ${plan.key} and not yet finished it; its name is fixed. ` +
      `Let it finish under the name "${plan.organization}" (\`ccloud-audit run --once\` does), then rename.`,
    { kind: 'store', code: 'object_planned' },
  );
}
