import { jsonAnswer, Refusal, type Answer } from './answer.ts';
import type { ApiRequest } from './api-request.ts';
import type { AuditLogEndpoint } from './audit-log-page.ts';
import type { Clock } from './clock.ts';
import type { Clusters } from './clusters.ts';
import type { SandboxOrganization } from './organization.ts';
import { availableRegions } from './regions.ts';
import type { SqlUsers } from './sql-users.ts';
import type { Traps } from './traps.ts';
import { newestVersion, oldestVersion } from './versions.ts';

export interface ApiOptions {
  readonly auditLog: AuditLogEndpoint;
  readonly organization: SandboxOrganization;
  readonly traps: Traps;
  readonly clock: Clock;
  readonly clusters: Clusters;
  readonly sqlUsers: SqlUsers;
}

/** The operations below `/api/v1/`. */
export function createApi(options: ApiOptions): (request: ApiRequest) => Answer {
  return (request) => {
    const [room] = request.path;
    if (room === 'organization' && request.path.length === 1) return organization(request, options);
    if (room === 'auditlogevents' && request.path.length === 1) return auditLog(request, options);
    if (room === 'clusters') return clusters(request, options);
    throw new Refusal('notFound', 'Not Found');
  };
}

type ByMethod = Readonly<Partial<Record<string, () => Answer>>>;

function clusters(request: ApiRequest, options: ApiOptions): Answer {
  const { clusters: all } = options;
  const [, id, room, ...rest] = request.path;
  if (id === undefined) {
    return byMethod(request, { GET: () => all.list(request), POST: () => all.create(request) });
  }
  if (id === 'available-regions' && room === undefined) {
    return byMethod(request, { GET: () => availableRegions(request, options) });
  }
  if (room === undefined) {
    return byMethod(request, {
      GET: () => all.get(request, id),
      PATCH: () => all.update(request, id),
      DELETE: () => all.delete(request, id),
    });
  }
  if (room === 'sql-users') return sqlUsers(request, id, options);
  if (room === 'nodes' && rest.length === 0) return byMethod(request, { GET: () => all.nodes(request, id) });
  if (room === 'spend-limit' && rest.length === 0) {
    return byMethod(request, { PUT: () => all.setSpendLimit(request, id) });
  }
  throw new Refusal('notFound', 'Not Found');
}

function sqlUsers(request: ApiRequest, clusterId: string, { sqlUsers: users }: ApiOptions): Answer {
  const [, , , name, verb, ...rest] = request.path;
  if (name === undefined) {
    return byMethod(request, {
      GET: () => users.list(request, clusterId),
      POST: () => users.create(request, clusterId),
    });
  }
  if (verb === undefined) return byMethod(request, { DELETE: () => users.delete(request, clusterId, name) });
  if (verb === 'password' && rest.length === 0) {
    return byMethod(request, { PUT: () => users.setPassword(request, clusterId, name) });
  }
  throw new Refusal('notFound', 'Not Found');
}

function organization(request: ApiRequest, { organization: known, traps }: ApiOptions): Answer {
  if (traps.has('organization-404') || request.version === oldestVersion) {
    throw new Refusal('notFound', 'Not Found');
  }
  const shape = { id: known.id, label: known.label, name: known.name, created_at: known.createdAt };
  return byMethod(request, { GET: () => jsonAnswer(shape) });
}

function auditLog(request: ApiRequest, { auditLog: endpoint, traps }: ApiOptions): Answer {
  const isOld = request.version.startsWith('2022') && !traps.has('old-versions-serve');
  if (
    isOld ||
    traps.has('feature-off') ||
    (traps.has('version-old-404') && request.version !== newestVersion)
  ) {
    throw new Refusal('notFound', 'Not Found');
  }
  return byMethod(request, { GET: () => endpoint.answer(request.query, request.version) });
}

function byMethod(request: ApiRequest, operations: ByMethod): Answer {
  const operation = operations[request.method];
  if (operation === undefined) throw new Refusal('methodNotAllowed', 'Method Not Allowed');
  return operation();
}
