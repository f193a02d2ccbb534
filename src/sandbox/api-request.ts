import type { ApiVersion } from './versions.ts';

/** A request to the API after its key and version were accepted. */
export interface ApiRequest {
  readonly method: string;
  /** The path after `/api/v1/`, decoded, in its parts. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** The body's JSON; undefined without a body. */
  readonly body: unknown;
  readonly version: ApiVersion;
}
