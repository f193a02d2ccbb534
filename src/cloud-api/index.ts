/** The Cloud API client, usable by itself: `ccloud-audit-export/cloud-api`. */
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
export type { ApiKey, CloudApiOptions, RequestReport } from './client-options.ts';
export { defaultUrl, defaultVersion } from './client-options.ts';
export { CloudApiError, type CloudApiErrorCode, cloudApiErrorCodes } from './cloud-api-error.ts';
export { RateLimiter, type RateLimiterOptions } from './rate-limiter.ts';
export type { RetryPolicy } from './retry-decision.ts';
export { UsageError } from '../errors.ts';
