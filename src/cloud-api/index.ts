/** The Cloud API client, usable by itself: `ccloud-audit-export/cloud-api`. */
export { type CloudApi, createCloudApi } from './cloud-api.ts';
export { createAuditSource } from './audit-source.ts';
export type {
  AuditEntry,
  AuditLogFields,
  AuditPage,
  AuditPageRequest,
  AuditSource,
  OrganizationInfo,
  SortOrder,
} from './audit-page.ts';
export type { AuditLogPagesRequest } from './audit-log-pages.ts';
export {
  type ApiKey,
  type CloudApiOptions,
  defaultUrl,
  defaultVersion,
  type RequestReport,
} from './client-options.ts';
export { CloudApiError, type CloudApiErrorCode, cloudApiErrorCodes } from './cloud-api-error.ts';
export {
  type CloudProvider,
  clusterSpec,
  type ClusterSpecOptions,
  type CreateClusterRequest,
  type Plan,
} from './cluster-spec.ts';
export type { CallOptions, Cluster, ClusterNode } from './clusters.ts';
export type { JsonObject } from './json-body.ts';
export { RateLimiter, type RateLimiterOptions } from './rate-limiter.ts';
export type { Region } from './regions.ts';
export type { RetryPolicy } from './retry-decision.ts';
export type { SqlUser, SqlUserName } from './sql-users.ts';
export { ExporterError, UsageError } from '../errors.ts';
