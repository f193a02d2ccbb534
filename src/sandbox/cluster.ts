import type { Nanos } from '../time.ts';
import type { Traps } from './traps.ts';
import type { Provider } from './regions.ts';

export type Plan = 'BASIC' | 'STANDARD' | 'ADVANCED';

/** A cluster as the sandbox keeps it; each version shows it in its own shape. */
export interface Cluster {
  readonly id: string;
  readonly name: string;
  readonly provider: Provider;
  readonly creatorId: string;
  readonly routingId: string;
  readonly createdAt: Nanos;
  /** When it stops being CREATING. */
  readonly readyAt: Nanos;
  readonly willFail: boolean;
  readonly isLocked: boolean;
  readonly sqlUsers: Set<string>;
  plan: Plan;
  cockroachVersion: string;
  /** Region names and their nodes; a serverless cluster has no nodes of its own. */
  regions: ReadonlyMap<string, number>;
  /** US cents per month. */
  spendLimit: number;
  /** 64-bit numbers, which the API writes as strings. */
  usageLimits: Readonly<Partial<Record<UsageLimitName, string>>> | undefined;
  upgradeType: string;
  deleteProtection: string;
  parentId: string;
  labels: Readonly<Record<string, unknown>>;
  hardware: Hardware;
  updatedAt: Nanos;
  deletedAt: Nanos | undefined;
}

export const usageLimitNames = [
  'request_unit_limit',
  'storage_mib_limit',
  'provisioned_virtual_cpus',
] as const;
type UsageLimitName = (typeof usageLimitNames)[number];

export interface Hardware {
  readonly machineType: string;
  readonly numVirtualCpus: number;
  readonly storageGib: number;
  readonly diskIops: number;
}

export type ClusterState = 'CREATING' | 'CREATED' | 'CREATION_FAILED' | 'DELETED' | 'LOCKED';

export function stateOf(cluster: Cluster, now: Nanos, traps: Traps): ClusterState {
  if (cluster.deletedAt !== undefined) return 'DELETED';
  if (now < cluster.readyAt) return 'CREATING';
  if (cluster.willFail || (traps.has('creation-fails') && cluster.readyAt > cluster.createdAt)) {
    return 'CREATION_FAILED';
  }
  return cluster.isLocked ? 'LOCKED' : 'CREATED';
}
