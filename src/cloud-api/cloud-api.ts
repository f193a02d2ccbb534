/** Every operation of the Cloud API that the vendor's guide describes, over one paced and retried caller. */
import { auditLogPage } from './audit-log.ts';
import { type AuditLogPagesRequest, auditLogPages } from './audit-log-pages.ts';
import type { AuditPage, AuditSource } from './audit-page.ts';
import { Caller } from './caller.ts';
import { type CloudApiOptions, resolveOptions } from './client-options.ts';
import {
  type CallOptions,
  type Cluster,
  type ClusterNode,
  createCluster,
  deleteCluster,
  getCluster,
  listClusters,
  listNodes,
  setSpendLimit,
} from './clusters.ts';
import type { CloudProvider, CreateClusterRequest } from './cluster-spec.ts';
import { createTransport } from './http-transport.ts';
import { getOrganization } from './organization.ts';
import { type Region, listRegions } from './regions.ts';
import {
  createSqlUser,
  deleteSqlUser,
  listSqlUsers,
  setSqlUserPassword,
  type SqlUser,
  type SqlUserName,
} from './sql-users.ts';

/**
 * The whole client. Every call is paced and retried; one that may have changed something is never sent twice. All
 * reject with a `CloudApiError`, a `UsageError` for what can't be asked, or the signal's reason.
 */
export interface CloudApi extends AuditSource {
  /** `Cc-Version` of every request. */
  readonly version: string;
  /** Pages in either order until there is nothing more. For looking; the exporter's reader has rules of its own. */
  auditLogPages(request: AuditLogPagesRequest): AsyncGenerator<AuditPage, void, undefined>;
  /** `spec` is the API's own; `clusterSpec` builds one for a plan. */
  createCluster(request: CreateClusterRequest, options: CallOptions): Promise<Cluster>;
  getCluster(id: string, options: CallOptions): Promise<Cluster>;
  listClusters(options: CallOptions & { readonly showInactive?: boolean }): Promise<Cluster[]>;
  /** Undefined where the API answers a success without the cluster. */
  deleteCluster(id: string, options: CallOptions): Promise<Cluster | undefined>;
  listNodes(id: string, options: CallOptions & { readonly regionName?: string }): Promise<ClusterNode[]>;
  /** US cents a month; rejects with `operation_gone` where there are no spend limits any more. */
  setSpendLimit(
    request: { readonly clusterId: string; readonly cents: number },
    options: CallOptions,
  ): Promise<Cluster | undefined>;
  listRegions(
    request: { readonly provider: CloudProvider; readonly serverless?: boolean },
    options: CallOptions,
  ): Promise<Region[]>;
  listSqlUsers(clusterId: string, options: CallOptions): Promise<SqlUser[]>;
  createSqlUser(user: SqlUserName & { readonly password: string }, options: CallOptions): Promise<SqlUser>;
  deleteSqlUser(user: SqlUserName, options: CallOptions): Promise<SqlUser>;
  setSqlUserPassword(
    user: SqlUserName & { readonly password: string },
    options: CallOptions,
  ): Promise<SqlUser>;
}

/** Throws a UsageError when the options can't work, e.g. for a url to which the key must not be sent. */
export function createCloudApi(options: CloudApiOptions): CloudApi {
  const settings = resolveOptions(options);
  const transport = createTransport({
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    timeoutMs: settings.requestTimeoutMs,
    bodyBytesMax: settings.responseMaxBytes,
    usesProxy: settings.url.protocol === 'https:',
  });
  const caller = new Caller(transport, settings);
  return {
    version: settings.version,
    auditLogPage: (request) => auditLogPage(caller, request),
    auditLogPages: (request) => auditLogPages((page) => auditLogPage(caller, page), request),
    organization: (callOptions) => getOrganization(caller, callOptions),
    createCluster: (request, callOptions) => createCluster(caller, request, callOptions),
    getCluster: (id, callOptions) => getCluster(caller, id, callOptions),
    listClusters: (callOptions) => listClusters(caller, callOptions),
    deleteCluster: (id, callOptions) => deleteCluster(caller, id, callOptions),
    listNodes: (id, callOptions) => listNodes(caller, id, callOptions),
    setSpendLimit: (request, callOptions) => setSpendLimit(caller, request, callOptions),
    listRegions: (request, callOptions) => listRegions(caller, request, callOptions),
    listSqlUsers: (clusterId, callOptions) => listSqlUsers(caller, clusterId, callOptions),
    createSqlUser: (user, callOptions) => createSqlUser(caller, user, callOptions),
    deleteSqlUser: (user, callOptions) => deleteSqlUser(caller, user, callOptions),
    setSqlUserPassword: (user, callOptions) => setSqlUserPassword(caller, user, callOptions),
    close: () => caller.close(),
  };
}
