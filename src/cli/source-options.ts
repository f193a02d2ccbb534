import type { ApiConfig } from '../../config/config.ts';
import type { SecretSource } from '../../config/secret.ts';
import type { CloudApiOptions } from '../cloud-api/index.ts';

/** What the configuration says about the Cloud API, as its client wants it. */
export function sourceOptions(api: ApiConfig, apiKey: SecretSource): CloudApiOptions {
  return {
    apiKey: async () => (await apiKey.read()).reveal(),
    url: api.url,
    version: api.version,
    requestsPerSecond: api.requestsPerSecond,
    requestTimeoutMs: api.requestTimeoutMs,
    responseMaxBytes: api.responseMaxBytes,
  };
}
