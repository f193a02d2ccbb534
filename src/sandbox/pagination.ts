import { Refusal } from './answer.ts';
import type { ApiRequest } from './api-request.ts';
import type { Clock } from './clock.ts';
import { protoTimestamp } from './entry-writer.ts';
import type { Traps } from './traps.ts';

export interface ListContext {
  readonly traps: Traps;
  readonly clock: Clock;
}

const limitDefault = 500;
/** Makes the token begin with characters that a query string has to encode. */
const tokenMark = Buffer.from([0xfb, 0xef, 0xff]);

/**
 * A part of a list and what the version says about it. Three generations of pagination exist: integers (before 2022),
 * keys (`start_key`, 2022-03-31) and opaque pages (`page`, later).
 */
export function paginated<T>(
  items: readonly T[],
  request: ApiRequest,
  { traps, clock }: ListContext,
): { readonly items: readonly T[]; readonly pagination: object | null } {
  if (traps.has('pagination-null')) return { items, pagination: null };
  const { query } = request;
  const isDescending = (query.get('pagination.sort_order') ?? query.get('pagination.order')) === 'DESC';
  const sorted = isDescending ? items.toReversed() : items;
  const limit = limitOf(query);
  if (traps.has('pagination-integers')) {
    const start = Number(query.get('pagination.start') ?? 0);
    const end = Math.min(items.length, start + limit);
    const shared = { limit, total_results: items.length, time: protoTimestamp(clock.now()) };
    const next = end < items.length ? end : 0;
    return {
      items: sorted.slice(start, end),
      pagination: { next, last: start, ...shared, order: isDescending ? 'DESC' : 'ASC' },
    };
  }
  const isOldest = request.version === '2022-03-31';
  const start = offsetOf(query.get(isOldest ? 'pagination.start_key' : 'pagination.page'));
  const end = start + limit;
  const next = end < items.length ? token(end) : '';
  const previous = start > 0 ? token(Math.max(0, start - limit)) : '';
  return {
    items: sorted.slice(start, end),
    pagination: isOldest
      ? {
          next,
          last: previous,
          limit,
          time: protoTimestamp(clock.now()),
          order: isDescending ? 'DESC' : 'ASC',
        }
      : { next_page: next, previous_page: previous },
  };
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('pagination.limit') ?? '0';
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 0) {
    throw new Refusal('invalidArgument', `parsing field "pagination.limit": invalid value "${text}"`);
  }
  return limit === 0 ? limitDefault : Math.min(limit, limitDefault);
}

function token(offset: number): string {
  return Buffer.concat([tokenMark, Buffer.from(`page ${offset}`)]).toString('base64');
}

function offsetOf(text: string | null): number {
  if (text === null || text === '') return 0;
  const offset = /^page (\d+)$/.exec(Buffer.from(text, 'base64').subarray(tokenMark.length).toString())?.[1];
  if (offset === undefined || token(Number(offset)) !== text) {
    throw new Refusal('invalidArgument', 'invalid argument: invalid page token');
  }
  return Number(offset);
}
