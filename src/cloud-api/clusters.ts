/** Clusters (https://www.cockroachlabs.com/docs/cockroachcloud/cloud-api). Answers are returned with all their fields. */
import { pathOf, type Caller } from './caller.ts';
import { CloudApiError } from './cloud-api-error.ts';
import {
  checkCents,
  type CloudProvider,
  type CreateClusterRequest,
  hasNoSpendLimit,
  noSpendLimit,
  type Plan,
} from './cluster-spec.ts';
import type { ReadMethod, TransportAnswer, WriteMethod } from './http-transport.ts';
import { isJsonObject, type JsonObject, readJson, readJsonObject } from './json-body.ts';
import { malformed } from './json-scan.ts';
import { listAll } from './paged-list.ts';

/** A cluster. Only the id is sure to be there; all that was sent is kept. */
export interface Cluster {
  readonly id: string;
  readonly name?: string;
  readonly plan?: Plan;
  readonly cloud_provider?: CloudProvider;
  /** `CREATING`, `CREATED`, `CREATION_FAILED`, `DELETED`, `LOCKED`, or another. */
  readonly state?: string;
  readonly operation_status?: string;
  readonly cockroach_version?: string;
  readonly creator_id?: string;
  readonly created_at?: string | null;
  readonly updated_at?: string | null;
  readonly deleted_at?: string | null;
  readonly regions?: readonly JsonObject[];
  readonly config?: JsonObject | null;
  readonly [field: string]: unknown;
}

export interface ClusterNode {
  readonly name: string;
  readonly region_name?: string;
  /** `LIVE`, `NOT_READY`, or another. */
  readonly status?: string;
  readonly [field: string]: unknown;
}

export interface CallOptions {
  readonly signal: AbortSignal;
}

type AnyCaller = Caller<ReadMethod | WriteMethod>;

const clusterMissing = 'There is no such cluster, or this key may not see it; the id is not the routing id.';
const readerRole = 'the Cluster Admin, Cluster Operator or Cluster Developer role';
const adminRole = 'the Cluster Admin role';

export async function createCluster(
  caller: AnyCaller,
  request: CreateClusterRequest,
  options: CallOptions,
): Promise<Cluster> {
  return await caller.call({
    method: 'POST',
    path: '/clusters',
    body: { name: request.name, provider: request.provider, spec: request.spec },
    role: 'the Cluster Admin or Cluster Creator role',
    signal: options.signal,
    read: (answer) => readCluster(readJson(answer.body)),
  });
}

export async function getCluster(caller: AnyCaller, id: string, options: CallOptions): Promise<Cluster> {
  return await caller.call({
    method: 'GET',
    path: `/clusters${pathOf(id)}`,
    role: readerRole,
    notFound: clusterMissing,
    signal: options.signal,
    read: (answer) => readCluster(readJson(answer.body)),
  });
}

/** With `showInactive`, also deleted clusters and those whose creation failed. */
export async function listClusters(
  caller: AnyCaller,
  options: CallOptions & { readonly showInactive?: boolean },
): Promise<Cluster[]> {
  return await listAll(caller, {
    path: '/clusters',
    query: { show_inactive: options.showInactive === true ? 'true' : undefined },
    field: 'clusters',
    role: readerRole,
    signal: options.signal,
    readItem: readCluster,
  });
}

/** The cluster as it was answered, or undefined where the API answers nothing or `{}`. */
export async function deleteCluster(
  caller: AnyCaller,
  id: string,
  options: CallOptions,
): Promise<Cluster | undefined> {
  return await caller.call({
    method: 'DELETE',
    path: `/clusters${pathOf(id)}`,
    role: adminRole,
    notFound: clusterMissing,
    signal: options.signal,
    read: readClusterOrNothing,
  });
}

/** Only clusters with nodes of their own (DEDICATED, ADVANCED) have any. */
export async function listNodes(
  caller: AnyCaller,
  id: string,
  options: CallOptions & { readonly regionName?: string },
): Promise<ClusterNode[]> {
  return await listAll(caller, {
    path: `/clusters${pathOf(id)}/nodes`,
    query: { region_name: options.regionName },
    field: 'nodes',
    role: readerRole,
    notFound: clusterMissing,
    signal: options.signal,
    readItem: (value) => withText(value, 'name', 'a node'),
  });
}

/**
 * Sets the most that a Serverless cluster may cost, in US cents a month.
 *
 * The documented `PUT …/spend-limit` is asked first; servers without it are asked with PATCH, which versions before
 * 2024-09-16 have. Rejects with `operation_gone` where there is no spend limit any more.
 */
export async function setSpendLimit(
  caller: AnyCaller,
  request: { readonly clusterId: string; readonly cents: number },
  options: CallOptions,
): Promise<Cluster | undefined> {
  checkCents(request.cents);
  const path = `/clusters${pathOf(request.clusterId)}`;
  const common = { role: adminRole, notFound: clusterMissing, signal: options.signal };
  try {
    return await caller.call({
      ...common,
      method: 'PUT',
      path: `${path}/spend-limit`,
      body: { spendLimit: request.cents },
      read: readClusterOrNothing,
    });
  } catch (error) {
    if (!isGone(error)) throw error;
    // A 404 may speak of the path or of the cluster: this tells, and rejects if it is the cluster.
    const cluster = await getCluster(caller, request.clusterId, options);
    const { version } = caller.settings;
    const reason = whyNoSpendLimit(cluster, version);
    if (reason !== undefined) {
      throw new CloudApiError(
        `The spend limit can't be set (${error.status ?? 'refused'} on PUT /api/v1${path}/spend-limit). ${reason}`,
        { code: 'operation_gone', retryable: false, status: error.status },
      );
    }
  }
  return await caller.call({
    ...common,
    method: 'PATCH',
    path,
    body: { serverless: { spend_limit: request.cents } },
    read: readClusterOrNothing,
  });
}

function isGone(error: unknown): error is CloudApiError {
  return error instanceof CloudApiError && (error.code === 'not_found' || error.code === 'operation_gone');
}

function whyNoSpendLimit(cluster: Cluster, version: string): string | undefined {
  if (cluster.plan === 'DEDICATED' || cluster.plan === 'ADVANCED') {
    return `The cluster's plan is ${cluster.plan}; only Serverless clusters have a spend limit.`;
  }
  return hasNoSpendLimit(version) ? noSpendLimit(version) : undefined;
}

function readCluster(value: unknown): Cluster {
  return withText(value, 'id', 'a cluster');
}

function readClusterOrNothing(answer: TransportAnswer): Cluster | undefined {
  if (answer.body.toString('latin1').trim() === '') return undefined;
  const value = readJsonObject(answer.body);
  return typeof value['id'] === 'string' ? readCluster(value) : undefined;
}

/** One field is checked, all others are open. */
export function withText<Field extends string>(
  value: unknown,
  field: Field,
  what: string,
): JsonObject & { readonly [name in Field]: string } {
  // The cast is where an answer becomes a type; the field was looked at.
  if (isJsonObject(value) && typeof value[field] === 'string') return value as never;
  throw malformed(`${what} in the body has no ${field}`);
}
