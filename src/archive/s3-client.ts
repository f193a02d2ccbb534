/** The AWS SDK's client, with limits to everything that it does by itself. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { ProxyAgent, proxyFromEnvironment } from './proxy-agent.ts';
import type { S3ObjectStoreOptions } from './s3-options.ts';

export const silenceMsDefault = 60_000;
const attemptsMax = 3;
const connectTimeoutMs = 10_000;
const agentOptions = { keepAlive: true, maxSockets: 50 } as const;

/** The SDK's own type for them is not part of its public packages. */
type HandlerOptions = Exclude<S3ClientConfig['requestHandler'], undefined> & object;

/** `silenceMs`: the longest that a store may say nothing. */
export function createS3Client(options: S3ObjectStoreOptions, silenceMs: number): S3Client {
  return new S3Client(clientConfig(options, silenceMs));
}

function clientConfig(options: S3ObjectStoreOptions, silenceMs: number): S3ClientConfig {
  const isNew = (options.checksum ?? 'sha256') === 'sha256';
  return {
    maxAttempts: attemptsMax,
    retryMode: 'standard',
    forcePathStyle: options.forcePathStyle ?? false,
    followRegionRedirects: false,
    // The body goes out at once; 100-continue saves it only for the rare 412, and some stores never send it.
    expectContinueHeader: false,
    requestChecksumCalculation: isNew ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED',
    responseChecksumValidation: isNew ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED',
    requestHandler: handlerOptions(options, silenceMs),
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.roleArn === undefined ? {} : { credentials: roleCredentials(options.roleArn, options) }),
  };
}

/** Each client gets an agent of its own, which ends with it. */
function handlerOptions(options: S3ObjectStoreOptions, silenceMs: number): HandlerOptions {
  // The SDK finds its credentials in the environment by itself; the proxy is looked up beside them.
  const proxy = options.proxy ?? proxyFromEnvironment(process.env);
  return {
    connectionTimeout: connectTimeoutMs,
    requestTimeout: silenceMs,
    throwOnRequestTimeout: true,
    socketTimeout: silenceMs,
    ...(proxy === undefined ? {} : { httpsAgent: new ProxyAgent(proxy, agentOptions) }),
  };
}

function roleCredentials(
  roleArn: string,
  options: S3ObjectStoreOptions,
): ReturnType<typeof fromTemporaryCredentials> {
  const { region } = options;
  return fromTemporaryCredentials({
    params: { RoleArn: roleArn, RoleSessionName: 'ccloud-audit-export' },
    clientConfig: {
      requestHandler: handlerOptions(options, silenceMsDefault),
      ...(region === undefined ? {} : { region }),
    },
  });
}
