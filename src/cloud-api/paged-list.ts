/**
 * Lists in the three paging styles that the API has had: numbers (`next`, 2021), keys (`next`, 2022-03-31) and tokens
 * (`next_page`, since 2022-09-20). The answer shows which one is spoken; audit logs use none of them.
 */
import type { Caller } from './caller.ts';
import { CloudApiError } from './cloud-api-error.ts';
import { isJsonObject, type JsonObject, readJsonObject } from './json-body.ts';
import { malformed } from './json-scan.ts';

export interface ListRequest<Item> {
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** The answer's field that holds the items. */
  readonly field: string;
  readonly role: string;
  readonly notFound?: string;
  readonly signal: AbortSignal;
  /** More pages than this are an error. Default 1000. */
  readonly pagesMax?: number;
  /** Throws an `UnusableBodyError` for what can't be an item. */
  readItem(value: unknown): Item;
}

interface ListPage<Item> {
  readonly items: readonly Item[];
  readonly pagination: JsonObject;
}

const defaultPagesMax = 1000;

/** All items of all pages, in the API's order. */
export async function listAll<Item>(caller: Caller<'GET'>, request: ListRequest<Item>): Promise<Item[]> {
  const pagesMax = request.pagesMax ?? defaultPagesMax;
  const items: Item[] = [];
  const visited = new Set<string>();
  let position: readonly [string, string] | undefined;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page: ListPage<Item> = await getListPage(caller, request, position);
    items.push(...page.items);
    position = nextPosition(page.pagination, items.length);
    if (position === undefined) return items;
    const name = position.join('=');
    if (visited.has(name)) {
      // Some servers name the same position for ever once there is nothing left.
      if (page.items.length === 0) return items;
      throw endless(request, 'repeats a position');
    }
    visited.add(name);
  }
  throw endless(request, `has more than ${pagesMax} pages`);
}

async function getListPage<Item>(
  caller: Caller<'GET'>,
  request: ListRequest<Item>,
  position: readonly [string, string] | undefined,
): Promise<ListPage<Item>> {
  return await caller.call({
    method: 'GET',
    path: request.path,
    query: { ...request.query, ...(position === undefined ? {} : { [position[0]]: position[1] }) },
    role: request.role,
    ...(request.notFound === undefined ? {} : { notFound: request.notFound }),
    signal: request.signal,
    read(answer): ListPage<Item> {
      const body = readJsonObject(answer.body);
      const values = body[request.field] ?? [];
      if (!Array.isArray(values)) throw malformed(`\`${request.field}\` is not a list`);
      const pagination = body['pagination'];
      return {
        items: values.map((value) => request.readItem(value)),
        pagination: isJsonObject(pagination) ? pagination : {},
      };
    },
  });
}

/** The query parameter that leads to the next page; undefined at the end. */
function nextPosition(pagination: JsonObject, itemCount: number): readonly [string, string] | undefined {
  const { next_page: token, next } = pagination;
  if (typeof token === 'string' && token !== '') return ['pagination.page', token];
  if (typeof next === 'string' && next !== '') return ['pagination.start_key', next];
  if (typeof next !== 'number' || next <= 0) return undefined;
  const total = pagination['total_results'] ?? pagination['totalResults'];
  // Unset numbers are printed as 0.
  if (typeof total === 'number' && total > 0 && itemCount >= total) return undefined;
  return ['pagination.start', String(next)];
}

function endless(request: { readonly path: string }, what: string): CloudApiError {
  return new CloudApiError(
    `The Cloud API's list ${what} (GET /api/v1${request.path}), so it can't be read to its end.`,
    { code: 'response_unusable', retryable: false },
  );
}
