import type { Nanos } from '../time.ts';
import { stateOf, usageLimitNames, type Cluster } from './cluster.ts';
import { protoTimestamp } from './entry-writer.ts';
import type { ListContext } from './pagination.ts';
import type { ApiVersion } from './versions.ts';

/**
 * A cluster in the shape of a version. What is unset is printed as null, "" or 0, as the live API does, not left out;
 * `is_customer_cloud_account`, which a specification requires and none defines, is not sent.
 */
export function clusterShape(cluster: Cluster, version: ApiVersion, context: ListContext): object {
  const { traps, clock } = context;
  const isOdd = traps.has('unknown-enums');
  const shape: Record<string, unknown> = {
    id: cluster.id,
    name: cluster.name,
    cockroach_version: cluster.cockroachVersion,
    plan: isOdd ? 'PLATINUM' : planIn(cluster, version),
    cloud_provider: cluster.provider,
    account_id: '',
    state: isOdd ? 'HIBERNATING' : stateOf(cluster, clock.now(), traps),
    creator_id: cluster.creatorId,
    operation_status: isOdd ? 'CRDB_TELEPORT_RUNNING' : idleStatus(version),
    config: config(cluster, version),
    regions: [...cluster.regions].map(([name, nodes], index) =>
      region({ name, nodes, index }, cluster, version),
    ),
    created_at: protoTimestamp(cluster.createdAt),
    updated_at: protoTimestamp(cluster.updatedAt),
    deleted_at: timeOrNull(cluster.deletedAt),
    ...(version >= '2022-09-20'
      ? {
          egress_traffic_policy: 'ALLOW_ALL',
          network_visibility: version === '2022-09-20' ? 'NETWORK_VISIBILITY_PUBLIC' : 'PUBLIC',
          sql_dns: sqlDns(cluster),
          upgrade_status: 'FINALIZED',
        }
      : {}),
    ...(version >= '2023-04-10'
      ? { delete_protection: cluster.deleteProtection, parent_id: cluster.parentId }
      : {}),
    ...(version >= '2024-09-16'
      ? {
          azure_cluster_identity_client_id: '',
          cidr_range: cluster.plan === 'ADVANCED' ? '172.28.0.0/14' : '',
          labels: cluster.labels,
          customer_cloud_account: null,
        }
      : {}),
  };
  return traps.has('fields-missing') ? likeTheGuide(shape, cluster) : shape;
}

function planIn(cluster: Cluster, version: ApiVersion): string {
  if (version >= '2024-09-16') return cluster.plan;
  return cluster.plan === 'ADVANCED' ? 'DEDICATED' : 'SERVERLESS';
}

function idleStatus(version: ApiVersion): string {
  return version >= '2023-04-10' ? 'UNSPECIFIED' : 'CLUSTER_STATUS_UNSPECIFIED';
}

function config(cluster: Cluster, version: ApiVersion): object {
  if (cluster.plan === 'ADVANCED') {
    const { machineType, numVirtualCpus, storageGib, diskIops } = cluster.hardware;
    return {
      dedicated: {
        machine_type: machineType,
        num_virtual_cpus: numVirtualCpus,
        storage_gib: storageGib,
        memory_gib: numVirtualCpus * 4,
        disk_iops: diskIops,
      },
    };
  }
  const { routingId, spendLimit } = cluster;
  if (version === '2022-03-31') return { serverless: { spend_limit: spendLimit, routing_id: routingId } };
  return {
    serverless: {
      routing_id: routingId,
      ...(version < '2024-09-16' ? { spend_limit: spendLimit } : { upgrade_type: cluster.upgradeType }),
      usage_limits: usageLimits(cluster, version),
    },
  };
}

function usageLimits(cluster: Cluster, version: ApiVersion): object | null {
  if (cluster.usageLimits === undefined) return null;
  const names = usageLimitNames.filter(
    (name) => version >= '2024-09-16' || name !== 'provisioned_virtual_cpus',
  );
  return Object.fromEntries(names.map((name) => [name, cluster.usageLimits?.[name] ?? '0']));
}

function region(
  { name, nodes, index }: { readonly name: string; readonly nodes: number; readonly index: number },
  cluster: Cluster,
  version: ApiVersion,
): object {
  const isAdvanced = cluster.plan === 'ADVANCED';
  return {
    name,
    sql_dns: sqlDns(cluster, name),
    ui_dns: isAdvanced ? `admin-${cluster.routingId}.cockroachlabs.invalid` : '',
    node_count: nodes,
    ...(version >= '2022-09-20'
      ? { internal_dns: isAdvanced ? `internal-${sqlDns(cluster, name)}` : '', primary: index === 0 }
      : {}),
    ...(version >= '2023-04-10' ? { private_endpoint_dns: '' } : {}),
    ...(version >= '2024-09-16'
      ? {
          machine_type: isAdvanced ? cluster.hardware.machineType : '',
          num_virtual_cpus: isAdvanced ? cluster.hardware.numVirtualCpus : 0,
          disk_iops: isAdvanced ? cluster.hardware.diskIops : 0,
          s3_vpc_endpoint_id: '',
        }
      : {}),
  };
}

function sqlDns(cluster: Cluster, regionName?: string): string {
  const place = regionName === undefined ? '' : `.${regionName}`;
  return `${cluster.routingId}${place}.cockroachlabs.invalid`;
}

function timeOrNull(time: Nanos | undefined): string | null {
  return time === undefined ? null : protoTimestamp(time);
}

/** Leaves out what the guide's examples leave out, and adds the regions that they show and no schema has. */
function likeTheGuide(shape: Readonly<Record<string, unknown>>, cluster: Cluster): object {
  const {
    cockroach_version: _version,
    upgrade_status: _status,
    cidr_range: _range,
    labels: _labels,
    ...rest
  } = shape;
  const names = [...cluster.regions.keys()];
  return {
    ...rest,
    regions: names.map((name) => ({ name, sql_dns: sqlDns(cluster, name), ui_dns: '' })),
    config: {
      serverless: { regions: names, spend_limit: cluster.spendLimit, routing_id: cluster.routingId },
    },
  };
}
