import { nanos, type Nanos } from '../time.ts';
import { jsonAnswer, Refusal, type Answer } from './answer.ts';
import type { ApiRequest } from './api-request.ts';
import { clusterChanges, newCluster, spendLimitOf, type ClusterSettings } from './cluster-body.ts';
import { clusterShape } from './cluster-shape.ts';
import { stateOf, type Cluster } from './cluster.ts';
import type { Cast } from './organization.ts';
import { paginated, type ListContext } from './pagination.ts';
import { createRandom, mix, type Random } from './random.ts';
import type { Provider } from './regions.ts';

/** How long a cluster is CREATING. */
const creationNs = 2_000_000_000n;
const day = 86_400_000_000_000n;

/** Writes an entry into the audit log, as the real API does for every change. */
export type RecordAction = (
  action: string,
  cluster: { readonly id: string; readonly name: string },
  payload: Readonly<Record<string, unknown>>,
) => void;

export interface ClustersOptions extends ListContext {
  readonly cast: Cast;
  readonly seed: number;
  readonly record: RecordAction;
}

/** The clusters of the organization: those that the seed gave it, and what was made of them since. */
export class Clusters {
  readonly #options: ClustersOptions;
  readonly #clusters = new Map<string, Cluster>();
  readonly #random: Random;

  constructor(options: ClustersOptions) {
    this.#options = options;
    this.#random = createRandom(mix(options.seed, 0xc105));
    for (const [index, { id, name }] of options.cast.clusters.entries()) this.#seed(id, name, index);
  }

  list(request: ApiRequest): Answer {
    const showInactive =
      request.query.get('show_inactive') === 'true' && !this.#options.traps.has('inactive-hidden');
    const clusters = [...this.#clusters.values()]
      .filter((cluster) => showInactive || this.#isActive(cluster))
      .toSorted(orderOf(request.query.get('pagination.sort_by')));
    const { items, pagination } = paginated(clusters, request, this.#options);
    return jsonAnswer({
      clusters: items.map((cluster) => clusterShape(cluster, request.version, this.#options)),
      pagination,
    });
  }

  get(request: ApiRequest, id: string): Answer {
    return this.#shown(this.find(id), request);
  }

  create(request: ApiRequest): Answer {
    const { name, provider, settings } = newCluster(request.body, request.version);
    if ([...this.#clusters.values()].some((other) => other.name === name && this.#isActive(other))) {
      throw new Refusal('alreadyExists', `a cluster named "${name}" already exists`);
    }
    const now = this.#options.clock.now();
    const cluster = { ...this.#made(this.#random.uuid(), name, provider, now), ...settings };
    const created = { ...cluster, readyAt: nanos(now + creationNs) };
    this.#clusters.set(created.id, created);
    this.#options.record('CREATE_CLUSTER', created, { request: { name, provider, plan: created.plan } });
    return this.#shown(created, request);
  }

  update(request: ApiRequest, id: string): Answer {
    const cluster = this.#changeable(id);
    this.#change(cluster, clusterChanges(request.body, cluster.provider, request.version));
    return this.#shown(cluster, request);
  }

  delete(request: ApiRequest, id: string): Answer {
    const { traps, clock, record } = this.#options;
    const cluster = this.find(id);
    if (cluster.deletedAt !== undefined) throw unknownCluster(id);
    if (cluster.isLocked) throw new Refusal('failedPrecondition', `cluster '${id}' is locked`);
    if (cluster.deleteProtection === 'ENABLED') {
      throw new Refusal('failedPrecondition', `delete protection is enabled on cluster '${id}'`);
    }
    cluster.deletedAt = clock.now();
    cluster.updatedAt = cluster.deletedAt;
    record('DELETE_CLUSTER', cluster, { request: { clusterId: id } });
    if (traps.has('delete-empty')) return { status: 200, body: Buffer.alloc(0) };
    return traps.has('delete-object') ? jsonAnswer({}) : this.#shown(cluster, request);
  }

  nodes(request: ApiRequest, id: string): Answer {
    const cluster = this.#ready(id);
    if (cluster.plan !== 'ADVANCED') {
      throw new Refusal('invalidArgument', 'invalid argument: only dedicated clusters have nodes');
    }
    const wanted = request.query.get('region_name');
    const nodes = [...cluster.regions].flatMap(([regionName, count]) =>
      Array.from({ length: count }, (_, index) => ({
        name: `${cluster.routingId}-${regionName}-${index}`,
        region_name: regionName,
        status: this.#options.traps.has('unknown-enums') ? 'SLEEPING' : index === 5 ? 'NOT_READY' : 'LIVE',
      })),
    );
    const shown = nodes
      .filter((node) => wanted === null || wanted === '' || node.region_name === wanted)
      .toSorted(
        (left, right) => compare(left.region_name, right.region_name) || compare(left.name, right.name),
      );
    const { items, pagination } = paginated(shown, request, this.#options);
    return jsonAnswer({ nodes: items, pagination });
  }

  /** Existed before the first public version and lived on in the guide; the answer has no body. */
  setSpendLimit(request: ApiRequest, id: string): Answer {
    const { traps } = this.#options;
    if (traps.has('spend-limit-405')) throw new Refusal('methodNotAllowed', 'Method Not Allowed');
    if (traps.has('spend-limit-501')) throw new Refusal('unimplemented', 'Method Not Implemented');
    const isThere = request.version.startsWith('2022') || traps.has('spend-limit-everywhere');
    if (!isThere || traps.has('spend-limit-gone')) throw new Refusal('notFound', 'Not Found');
    const cluster = this.#changeable(id);
    if (cluster.plan === 'ADVANCED') {
      throw new Refusal('invalidArgument', 'invalid argument: only serverless clusters have a spend limit');
    }
    this.#change(cluster, { spendLimit: spendLimitOf(request.body) });
    return { status: 200, body: Buffer.alloc(0) };
  }

  /** Throws the API's 404 for an id that no cluster has. */
  find(id: string): Cluster {
    const cluster = this.#clusters.get(id);
    if (cluster === undefined) throw unknownCluster(id);
    return cluster;
  }

  /** A cluster whose users and nodes can be reached: one that is being created, or is gone, is not there yet. */
  withUsers(id: string): Cluster {
    return this.#ready(id);
  }

  #ready(id: string): Cluster {
    const cluster = this.find(id);
    const state = stateOf(cluster, this.#options.clock.now(), this.#options.traps);
    if (state !== 'CREATED' && state !== 'LOCKED') throw unknownCluster(id);
    return cluster;
  }

  #changeable(id: string): Cluster {
    const cluster = this.#ready(id);
    if (cluster.isLocked) throw new Refusal('failedPrecondition', `cluster '${id}' is locked`);
    return cluster;
  }

  #change(cluster: Cluster, changes: ClusterSettings): void {
    Object.assign(cluster, changes, { updatedAt: this.#options.clock.now() });
    const request = {
      ...changes,
      ...(changes.regions === undefined ? {} : { regions: [...changes.regions.keys()] }),
    };
    const onlyProtection = Object.keys(changes).join() === 'deleteProtection';
    this.#options.record(onlyProtection ? 'SET_DELETE_PROTECTION' : 'UPDATE_CLUSTER', cluster, { request });
  }

  #isActive(cluster: Cluster): boolean {
    const state = stateOf(cluster, this.#options.clock.now(), this.#options.traps);
    return state !== 'DELETED' && state !== 'CREATION_FAILED';
  }

  #shown(cluster: Cluster, request: ApiRequest): Answer {
    return jsonAnswer(clusterShape(cluster, request.version, this.#options));
  }

  #made(id: string, name: string, provider: Provider, createdAt: Nanos): Cluster {
    return {
      id,
      name,
      provider,
      creatorId: this.#random.uuid(),
      routingId: `${name}-${1_000 + this.#random.integer(8_999)}`,
      createdAt,
      readyAt: createdAt,
      willFail: false,
      isLocked: false,
      sqlUsers: new Set(),
      plan: 'BASIC',
      cockroachVersion: 'v25.2.1',
      regions: new Map(),
      spendLimit: 0,
      usageLimits: undefined,
      upgradeType: 'AUTOMATIC',
      deleteProtection: 'DISABLED',
      parentId: 'root',
      labels: {},
      hardware: { machineType: 'n2-standard-4', numVirtualCpus: 4, storageGib: 15, diskIops: 450 },
      updatedAt: createdAt,
      deletedAt: undefined,
    };
  }

  /** The seeded clusters: among them one that is dedicated, locked, protected, deleted, and failed. */
  #seed(id: string, name: string, index: number): void {
    const now = this.#options.clock.now();
    const createdAt = nanos(now - BigInt(300 - index) * day);
    const isAdvanced = index % 4 === 1;
    this.#clusters.set(id, {
      ...this.#made(id, name, 'GCP', createdAt),
      plan: isAdvanced ? 'ADVANCED' : index % 4 === 2 ? 'STANDARD' : 'BASIC',
      regions: isAdvanced
        ? new Map([
            ['us-east1', 3],
            ['europe-west4', 3],
          ])
        : new Map([['us-central1', 0]]),
      usageLimits:
        index % 3 === 0 ? { request_unit_limit: '50000000', storage_mib_limit: '10240' } : undefined,
      isLocked: index === 2,
      deleteProtection: index === 3 ? 'ENABLED' : 'DISABLED',
      deletedAt: index === 4 ? nanos(now - 20n * day) : undefined,
      willFail: index === 6,
      sqlUsers: new Set(['app', 'maxroach']),
    });
  }
}

function unknownCluster(id: string): Refusal {
  return new Refusal('notFound', `internal call failed: cluster '${id}' not found`);
}

function orderOf(sortBy: string | null): (left: Cluster, right: Cluster) => number {
  if (sortBy === 'CREATED_AT') return (left, right) => Number(left.createdAt - right.createdAt);
  if (sortBy === 'DELETED_AT') {
    return (left, right) => Number((left.deletedAt ?? 0n) - (right.deletedAt ?? 0n));
  }
  return (left, right) => compare(left.name, right.name);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
