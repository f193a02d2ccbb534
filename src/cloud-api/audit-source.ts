import { auditLogPage } from './audit-log.ts';
import type { AuditSource } from './audit-page.ts';
import { Caller } from './caller.ts';
import { type CloudApiOptions, resolveOptions } from './client-options.ts';
import { createTransport } from './http-transport.ts';
import { getOrganization } from './organization.ts';

/** A client that can only look: its transport is made without any other method. Throws a UsageError. */
export function createAuditSource(options: CloudApiOptions): AuditSource {
  const settings = resolveOptions(options);
  const transport = createTransport({
    methods: ['GET'],
    timeoutMs: settings.requestTimeoutMs,
    bodyBytesMax: settings.responseMaxBytes,
    usesProxy: settings.url.protocol === 'https:',
  });
  const caller = new Caller(transport, settings);
  return {
    auditLogPage: (request) => auditLogPage(caller, request),
    organization: (request) => getOrganization(caller, request),
    close: () => caller.close(),
  };
}
