/**
 * Pages at the size the API can give. A timeout or an oversize answer halves the size, down to one entry; it grows back
 * with every page that comes. A size the API refuses is not asked for again.
 */
import type { AuditPage, AuditSource } from '../cloud-api/audit-page.ts';
import { CloudApiError } from '../cloud-api/cloud-api-error.ts';
import type { Logger } from '../logger.ts';

/** What the API gives when no limit is sent; accepted, then, by every version. */
const limitAlwaysAccepted = 200;

export interface PageRead {
  readonly page: AuditPage;
  /** The limit that was sent. */
  readonly limit: number;
}

export interface PageRequest {
  /** Sent verbatim; undefined: from the beginning. */
  readonly startingFrom: string | undefined;
  readonly priority: 'tail' | 'bulk';
  /** Overrides the current size once, for a group of entries larger than a page. */
  readonly limit?: number;
  readonly signal: AbortSignal;
}

export interface PageSource {
  read(request: PageRequest): Promise<PageRead>;
}

export function createPageSource(options: {
  readonly source: AuditSource;
  readonly pageSize: number;
  readonly logger: Logger;
}): PageSource {
  const { source, logger } = options;
  let limitMax = options.pageSize;
  let limit = limitMax;

  const shrink = (error: CloudApiError, asked: number): number => {
    if (error.code === 'request_refused' && error.status === 400 && asked > limitAlwaysAccepted) {
      limitMax = limitAlwaysAccepted;
      return limitMax;
    }
    if ((error.code === 'timed_out' || error.code === 'response_too_large') && asked > 1)
      return Math.ceil(asked / 2);
    throw error;
  };

  return {
    async read(request): Promise<PageRead> {
      const { startingFrom, priority, signal } = request;
      let asked = request.limit ?? limit;
      for (;;) {
        try {
          const page = await source.auditLogPage({
            ...(startingFrom === undefined ? {} : { startingFrom }),
            sortOrder: 'ASC',
            limit: asked,
            priority,
            signal,
          });
          if (request.limit === undefined) limit = Math.min(limitMax, asked * 2);
          return { page, limit: asked };
        } catch (error) {
          if (!(error instanceof CloudApiError)) throw error;
          const smaller = shrink(error, asked);
          logger.warn({ code: error.code, pageSize: asked, nextPageSize: smaller }, 'page size reduced');
          asked = smaller;
        }
      }
    },
  };
}
