/** The regions of a cloud provider in which clusters can be created. */
import type { Caller } from './caller.ts';
import type { CloudProvider } from './cluster-spec.ts';
import { type CallOptions, withText } from './clusters.ts';
import { listAll } from './paged-list.ts';

export interface Region {
  readonly name: string;
  readonly location?: string;
  readonly provider?: CloudProvider;
  readonly serverless?: boolean;
  /** Kilometres from the caller; the API sorts by it. */
  readonly distance?: number;
  readonly [field: string]: unknown;
}

/** The schema has objects, the documentation shows bare names: both become objects with a name. */
export async function listRegions(
  caller: Caller<'GET'>,
  request: { readonly provider: CloudProvider; readonly serverless?: boolean },
  options: CallOptions,
): Promise<Region[]> {
  return await listAll(caller, {
    path: '/clusters/available-regions',
    query: {
      provider: request.provider,
      serverless: request.serverless === undefined ? undefined : String(request.serverless),
    },
    field: 'regions',
    role: 'a role in the organization',
    signal: options.signal,
    readItem: (value) => (typeof value === 'string' ? { name: value } : withText(value, 'name', 'a region')),
  });
}
