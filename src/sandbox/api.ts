import { jsonAnswer, Refusal, type Answer } from './answer.ts';
import type { ApiRequest } from './api-request.ts';
import type { AuditLogEndpoint } from './audit-log-page.ts';
import type { SandboxOrganization } from './organization.ts';
import type { Traps } from './traps.ts';
import { newestVersion, oldestVersion } from './versions.ts';

export interface ApiOptions {
  readonly auditLog: AuditLogEndpoint;
  readonly organization: SandboxOrganization;
  readonly traps: Traps;
}

/** The operations below `/api/v1/`. */
export function createApi(options: ApiOptions): (request: ApiRequest) => Answer {
  return (request) => {
    const [room] = request.path;
    if (room === 'organization' && request.path.length === 1) return organization(request, options);
    if (room === 'auditlogevents' && request.path.length === 1) return auditLog(request, options);
    throw new Refusal('notFound', 'Not Found');
  };
}

function organization(request: ApiRequest, { organization: known, traps }: ApiOptions): Answer {
  onlyMethods(request, 'GET');
  if (traps.has('organization-404') || request.version === oldestVersion) {
    throw new Refusal('notFound', 'Not Found');
  }
  return jsonAnswer({ id: known.id, label: known.label, name: known.name, created_at: known.createdAt });
}

function auditLog(request: ApiRequest, { auditLog: endpoint, traps }: ApiOptions): Answer {
  onlyMethods(request, 'GET');
  const isOld = request.version.startsWith('2022') && !traps.has('old-versions-serve');
  if (
    isOld ||
    traps.has('feature-off') ||
    (traps.has('version-old-404') && request.version !== newestVersion)
  ) {
    throw new Refusal('notFound', 'Not Found');
  }
  return endpoint.answer(request.query, request.version);
}

function onlyMethods(request: ApiRequest, ...methods: readonly string[]): void {
  if (!methods.includes(request.method)) throw new Refusal('methodNotAllowed', 'Method Not Allowed');
}
