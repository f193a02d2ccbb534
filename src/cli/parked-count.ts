import type { Exporter } from '../exporter/exporter.ts';
import { listOrganizations } from '../ledger/organizations.ts';
import { countParked } from '../ledger/parked.ts';

/** How many entries are parked for the organizations and sinks of this exporter. */
export async function countParkedOf(exporter: Exporter): Promise<number> {
  const names = new Map((await listOrganizations(exporter.ledger)).map(({ id, name }) => [id, name]));
  const counts = await countParked(exporter.ledger);
  return counts
    .filter(({ organization, sink }) => {
      const name = names.get(organization);
      return (
        exporter.organizations.some((configured) => configured.name === name) &&
        exporter.sinks.some((configured) => configured.sink.name === sink)
      );
    })
    .reduce((sum, { parked }) => sum + parked, 0);
}
