/** The organization's audit log, a page at a time (https://www.cockroachlabs.com/docs/cockroachcloud/cloud-api). */
import { UsageError } from '../errors.ts';
import { nanosFromMs } from '../time.ts';
import type { AuditPage, AuditPageRequest } from './audit-page.ts';
import type { Caller } from './caller.ts';
import { scanAuditPage } from './page-scanner.ts';
import { parseHttpDate } from './retry-after.ts';

const auditLogMissing =
  "The audit log may not be enabled for this organization, or its plan may not have it, or api.url or api.version is wrong. This is not read as 'no entries'.";

/** One page; see `AuditSource.auditLogPage`. */
export async function auditLogPage(caller: Caller<'GET'>, request: AuditPageRequest): Promise<AuditPage> {
  if (!Number.isSafeInteger(request.limit) || request.limit < 1) {
    throw new UsageError(
      `The limit of an audit log page must be a positive whole number, not ${request.limit}.`,
    );
  }
  return await caller.call({
    method: 'GET',
    path: '/auditlogevents',
    query: {
      starting_from: request.startingFrom,
      sort_order: request.sortOrder,
      limit: String(request.limit),
    },
    priority: request.priority,
    ...(request.onStart === undefined ? {} : { onTurn: request.onStart }),
    signal: request.signal,
    role: 'the Organization Admin role',
    notFound: auditLogMissing,
    read(answer): AuditPage {
      const date = parseHttpDate(answer.header('date'));
      return {
        ...scanAuditPage(answer.body),
        serverDate: date === undefined ? undefined : nanosFromMs(date),
        bytes: answer.body.length,
      };
    },
  });
}
