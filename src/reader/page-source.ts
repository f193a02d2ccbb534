/**
 * Pages at the size the API can give. A timeout or an oversize answer halves the size, down to one entry. It doubles again
 * after some pages, and after more of them each time that a larger size failed, so that a server that is slow for good
 * does not cost a timeout at every second page. A size the API refuses is not asked for again.
 */
import type { AuditPage, AuditSource } from '../cloud-api/audit-page.ts';
import { CloudApiError } from '../cloud-api/cloud-api-error.ts';
import type { Logger } from '../logger.ts';
import { announceStep } from '../steps.ts';

/** What the API gives when no limit is sent; accepted, then, by every version. */
const limitAlwaysAccepted = 200;

/** After so many pages at one size a larger one is tried, however often it failed. */
const pagesBeforeGrowthMax = 64;

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
  /** Called when the rate budget lets the request go; more than once where it is tried again. */
  readonly onStart?: () => void;
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
  let pagesBeforeGrowth = 1;
  let pagesSinceFailure = 0;

  const shrink = (error: CloudApiError, asked: number): number => {
    if (error.code === 'request_refused' && error.status === 400) {
      // A group's larger limit that is refused says nothing about the usual one.
      if (asked > limitMax) return limitMax;
      if (asked > limitAlwaysAccepted) {
        limitMax = limitAlwaysAccepted;
        limit = Math.min(limit, limitMax);
        return limitMax;
      }
    }
    if ((error.code === 'timed_out' || error.code === 'response_too_large') && asked > 1) {
      pagesBeforeGrowth = Math.min(pagesBeforeGrowth * 2, pagesBeforeGrowthMax);
      pagesSinceFailure = 0;
      return Math.ceil(asked / 2);
    }
    throw error;
  };

  const grow = (given: number): void => {
    pagesSinceFailure += 1;
    limit = given;
    if (given >= limitMax) {
      // The full size has come often enough by now to be trusted again.
      if (pagesSinceFailure >= pagesBeforeGrowthMax) pagesBeforeGrowth = 1;
      return;
    }
    if (pagesSinceFailure < pagesBeforeGrowth) return;
    pagesSinceFailure = 0;
    limit = Math.min(limitMax, given * 2);
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
            ...(request.onStart === undefined ? {} : { onStart: request.onStart }),
            signal,
          });
          announceStep('page-received');
          if (request.limit === undefined) grow(asked);
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
