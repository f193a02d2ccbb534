/**
 * The audit log as a listing, page after page, for people who look at it. The exporter does not use this: its reader
 * keeps positions and has rules of its own.
 */
import { nanosFromMs, parseTimestamp } from '../time.ts';
import type { AuditEntry, AuditPage, AuditPageRequest, SortOrder } from './audit-page.ts';

export interface AuditLogPagesRequest {
  /** Omitted: from the organization's creation (ASC) or from now (DESC). */
  readonly startingFrom?: string;
  readonly sortOrder: SortOrder;
  /** Roughly how many entries a page has. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** A page that has at least `limit` entries and does not advance is asked for once more, this many times as large. */
const enlargement = 8;

/**
 * Pages until there is nothing more: no further position, a position that does not advance with nothing new, or, in
 * ascending order, one that has reached the present. An entry that a page repeats from the page before is left out,
 * because the API may count `starting_from` in or out.
 */
export async function* auditLogPages(
  getPage: (request: AuditPageRequest) => Promise<AuditPage>,
  request: AuditLogPagesRequest,
): AsyncGenerator<AuditPage, void, undefined> {
  const visited = new Set<string>();
  let position = request.startingFrom;
  let limit = request.limit;
  let known: ReadonlySet<string> = new Set();
  let present = nanosFromMs(Date.now());
  let isFirst = true;
  for (;;) {
    const page = await getPage({
      ...(position === undefined ? {} : { startingFrom: position }),
      sortOrder: request.sortOrder,
      limit,
      priority: 'bulk',
      signal: request.signal,
    });
    if (isFirst) present = page.serverDate ?? present;
    const entries = page.entries.filter((entry) => !known.has(identity(entry)));
    if (isFirst || entries.length > 0) yield { ...page, entries };
    isFirst = false;
    const next = page.nextStartingFrom;
    if (next === undefined) return;
    if (position !== undefined) visited.add(position);
    if (advances(position, next, request.sortOrder) && !visited.has(next)) {
      const nextTime = parseTimestamp(next);
      const isPresent = request.sortOrder === 'ASC' && nextTime !== undefined && nextTime >= present;
      if (entries.length === 0 && isPresent) return;
      known = new Set(page.entries.map(identity));
      position = next;
      limit = request.limit;
    } else {
      // More entries than a page takes may share one moment; a larger page shows whether it is that.
      if (entries.length === 0 || limit > request.limit || page.entries.length < limit) return;
      known = new Set([...known, ...page.entries.map(identity)]);
      limit = request.limit * enlargement;
    }
  }
}

function advances(position: string | undefined, next: string, order: SortOrder): boolean {
  if (position === undefined) return true;
  const from = parseTimestamp(position);
  const to = parseTimestamp(next);
  if (from === undefined || to === undefined) return position !== next;
  return order === 'ASC' ? to > from : to < from;
}

function identity(entry: AuditEntry): string {
  const { id } = entry;
  return typeof id === 'string' && id !== '' ? id : entry.raw.toString('latin1');
}
