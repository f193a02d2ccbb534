import type { Cluster } from '../../cloud-api/index.ts';
import type { CliContext } from '../context.ts';
import { printListing, type Column } from '../output.ts';

const columns: readonly Column<Cluster>[] = [
  { title: 'name', text: (cluster) => cluster.name ?? '' },
  { title: 'id', text: (cluster) => cluster.id },
  { title: 'plan', text: (cluster) => cluster.plan ?? '' },
  { title: 'cloud', text: (cluster) => cluster.cloud_provider ?? '' },
  { title: 'regions', text: (cluster) => (cluster.regions ?? []).map(regionName).join(', ') },
  { title: 'version', text: (cluster) => cluster.cockroach_version ?? '' },
  { title: 'state', text: (cluster) => cluster.state ?? '' },
];

export function printClusters(context: CliContext, clusters: readonly Cluster[]): Promise<void> {
  return printListing(context, {
    rows: clusters,
    columns,
    json: { clusters },
    empty: 'No clusters that this key may see.',
  });
}

/** One cluster; as JSON with all that the API sent. */
export function printCluster(context: CliContext, cluster: Cluster): Promise<void> {
  return printListing(context, { rows: [cluster], columns, json: cluster, empty: '' });
}

function regionName(region: Readonly<Record<string, unknown>>): string {
  return typeof region['name'] === 'string' ? region['name'] : '';
}
