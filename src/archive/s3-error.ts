/**
 * What a failed S3 call means, in a sentence that says what to do. The answers are those of
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; other stores send the same codes or only a
 * status.
 */
import { SinkError, type SinkErrorOptions } from '../../sinks/sink-error.ts';
import { isAbort, toError } from '../errors.ts';
import { proxyFailed } from './proxy-agent.ts';

export const s3Operations = [
  'PutObject',
  'GetObject',
  'HeadObject',
  'ListObjectsV2',
  'ListObjectVersions',
] as const;
export type S3Operation = (typeof s3Operations)[number];

export interface S3Call {
  readonly operation: S3Operation;
  readonly bucket: string;
  /** The whole key, or the prefix that is listed. */
  readonly key: string;
  /** Where requests go, for people: a host, or nothing for AWS itself. */
  readonly endpoint: string | undefined;
  readonly usesKms: boolean;
  readonly usesObjectLock: boolean;
  readonly checksBucketOwner: boolean;
  readonly signal: AbortSignal;
}

/** The parts of an SDK error that matter here. */
export interface S3Failure {
  readonly code: string;
  readonly status: number | undefined;
  readonly bucketRegion: string | undefined;
}

type Mapping = readonly [options: { code: string; retryable: boolean }, sentence: (call: S3Call) => string];

const byCode: Readonly<Record<string, Mapping>> = {
  NoSuchBucket: [
    { code: 'bucket_missing', retryable: false },
    (call) => `There is no bucket ${call.bucket}${at(call)}. Create it, or correct the bucket's name.`,
  ],
  AccessDenied: [{ code: 'permission_missing', retryable: false }, permissionSentence],
  AllAccessDisabled: [{ code: 'permission_missing', retryable: false }, permissionSentence],
  Forbidden: [{ code: 'permission_missing', retryable: false }, permissionSentence],
  InvalidAccessKeyId: [{ code: 'credentials_refused', retryable: false }, credentialsRefused],
  SignatureDoesNotMatch: [{ code: 'credentials_refused', retryable: false }, credentialsRefused],
  InvalidToken: [{ code: 'credentials_refused', retryable: false }, credentialsRefused],
  ExpiredToken: [{ code: 'credentials_expired', retryable: true }, credentialsExpired],
  ExpiredTokenException: [{ code: 'credentials_expired', retryable: true }, credentialsExpired],
  TokenRefreshRequired: [{ code: 'credentials_expired', retryable: true }, credentialsExpired],
  CredentialsProviderError: [{ code: 'credentials_missing', retryable: false }, credentialsMissing],
  TokenProviderError: [{ code: 'credentials_missing', retryable: false }, credentialsMissing],
  RequestTimeTooSkewed: [
    { code: 'clock_skewed', retryable: true },
    (call) =>
      `${what(call)} was refused because this machine's clock is wrong. Set it right, for example with NTP.`,
  ],
  NotImplemented: [
    { code: 'unsupported', retryable: false },
    (call) =>
      `${what(call)} is not implemented by this store. If it can't write conditionally, set conditionalWrites: off, ` +
      `and let nobody else write to this prefix.`,
  ],
  InvalidObjectState: [
    { code: 'object_archived', retryable: false },
    (call) =>
      `${what(call)} failed: the object was moved to an archive storage class. Restore it there first.`,
  ],
};

const tlsCodes = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
];
/** The connection was there, and ended before its answer. */
const hangUpCodes = ['ECONNRESET', 'EPIPE'];
const regionCodes = [
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
];

/** Reads code, status and region out of whatever the SDK threw. */
export function readS3Failure(thrown: unknown): S3Failure {
  if (!isRecord(thrown)) return { code: 'unknown', status: undefined, bucketRegion: undefined };
  const metadata = isRecord(thrown['$metadata']) ? thrown['$metadata'] : {};
  const response = isRecord(thrown['$response']) ? thrown['$response'] : {};
  const headers = isRecord(response['headers']) ? response['headers'] : {};
  const status = metadata['httpStatusCode'];
  const region = headers['x-amz-bucket-region'];
  const [code, name] = [thrown['code'], thrown['name']];
  // A network error has its system code, an answer of the store only the name.
  const chosen = typeof status !== 'number' && typeof code === 'string' ? code : name;
  return {
    code: typeof chosen === 'string' ? chosen : 'unknown',
    status: typeof status === 'number' ? status : undefined,
    bucketRegion: typeof region === 'string' ? region : undefined,
  };
}

export function s3Error(thrown: unknown, call: S3Call): Error {
  if (thrown instanceof SinkError) return thrown;
  if (call.signal.aborted && (isAbort(thrown) || thrown === call.signal.reason)) return toError(thrown);
  const failure = readS3Failure(thrown);
  const [options, sentence] = mappingOf(call.operation, failure, thrown);
  return new SinkError(sentence(call), { ...options, cause: thrown } satisfies SinkErrorOptions);
}

function mappingOf(operation: S3Operation, failure: S3Failure, thrown: unknown): Mapping {
  const { code, status, bucketRegion } = failure;
  // Other stores answer 403 with codes of their own; the codes of AWS come first.
  const known = Object.hasOwn(byCode, code) ? byCode[code] : undefined;
  if (known !== undefined) return known;
  if (regionCodes.includes(code) || status === 301) return wrongRegion(bucketRegion);
  if (thrown instanceof Error && thrown.message.includes('Region is missing')) return regionMissing;
  if (status === 403) return byCode['AccessDenied'] ?? regionMissing;
  if (status === 501) return byCode['NotImplemented'] ?? regionMissing;
  if (code === proxyFailed) return proxied;
  if (tlsCodes.includes(code)) return untrusted(code);
  if (status === 503 || status === 429 || code === 'SlowDown') return throttled;
  if (operation === 'PutObject' && hangUpCodes.includes(code)) return answerLost(code);
  if (status === undefined || status < 400) return unreachable(code);
  if (status >= 500 || status === 408) return serverFailed(status, code);
  return refused(status, code);
}

const regionMissing: Mapping = [
  { code: 'region_missing', retryable: false },
  (call) =>
    `No region is known for the bucket ${call.bucket}. Set the sink's region or AWS_REGION (us-east-1 for most other stores).`,
];

const proxied: Mapping = [
  { code: 'proxy_failed', retryable: true },
  (call) =>
    `${what(call)} did not get through the proxy that HTTPS_PROXY names. Check its address and credentials, or list the host of the store in NO_PROXY.`,
];

const throttled: Mapping = [
  { code: 'throttled', retryable: true },
  (call) => `${what(call)} was put off by the store for too many requests. It will be tried again.`,
];

function wrongRegion(region: string | undefined): Mapping {
  return [
    { code: 'region_wrong', retryable: false },
    (call) =>
      `The bucket ${call.bucket} is in ${region === undefined ? 'another region' : `the region ${region}`}${at(call)}. ` +
      `Set the sink's region to ${region ?? "the bucket's own"}.`,
  ];
}

function untrusted(code: string): Mapping {
  return [
    { code: 'tls_untrusted', retryable: false },
    (call) =>
      `The certificate of the object store${at(call)} is not trusted (${code}). If its authority is your own, name the file in NODE_EXTRA_CA_CERTS.`,
  ];
}

function unreachable(code: string): Mapping {
  return [{ code: 'unreachable', retryable: true }, (call) => noAnswer(call, code)];
}

function answerLost(code: string): Mapping {
  return [{ code: 'answer_lost', retryable: true }, (call) => noAnswer(call, code)];
}

function noAnswer(call: S3Call, code: string): string {
  return `${what(call)} got no whole answer (${code})${at(call)}. Check the network, the endpoint and the region; it will be tried again.`;
}

function serverFailed(status: number, code: string): Mapping {
  return [
    { code: 'server_failed', retryable: true },
    (call) => `${what(call)} failed in the store (${status} ${code}). It will be tried again.`,
  ];
}

function refused(status: number, code: string): Mapping {
  return [
    { code: 'request_refused', retryable: false },
    (call) =>
      `${what(call)} was refused by the store (${status} ${code}). ` +
      (call.usesObjectLock
        ? 'Check that the bucket has Object Lock; a store that knows only Content-MD5 for it needs checksum: none.'
        : 'Check the options of this sink against what the bucket allows; an older store may need checksum: none.'),
  ];
}

function permissionSentence(call: S3Call): string {
  const owner = call.checksBucketOwner
    ? ' The same answer comes when another account owns the bucket than expectedBucketOwner.'
    : '';
  // Seen of versitygw 1.7; in AWS such a bucket always has versions.
  const locked =
    call.usesObjectLock && call.operation === 'PutObject'
      ? ' So is a repeated put where locked objects have no versions: then turn on the versions of the store.'
      : '';
  return `${what(call)} was forbidden (403). These credentials need ${neededPermissions(call)}.${owner}${locked}`;
}

function neededPermissions(call: S3Call): string {
  const bucket = `arn:aws:s3:::${call.bucket}`;
  const object = `${bucket}/${call.key}`;
  switch (call.operation) {
    case 'PutObject': {
      const lock = call.usesObjectLock ? ', s3:PutObjectRetention and s3:PutObjectLegalHold' : '';
      const kms = call.usesKms ? ', and kms:GenerateDataKey and kms:Decrypt on the key' : '';
      return `s3:PutObject${lock} on ${object}${kms}`;
    }
    case 'GetObject':
    case 'HeadObject': {
      const kms = call.usesKms ? ', and kms:Decrypt on the key' : '';
      return `s3:GetObject on ${object}, and s3:ListBucket on ${bucket}, without which a missing object is answered like this too${kms}`;
    }
    case 'ListObjectsV2':
      return `s3:ListBucket on ${bucket} for the prefix "${call.key}"`;
    case 'ListObjectVersions':
      return `s3:ListBucketVersions on ${bucket} for the prefix "${call.key}"`;
    default:
      return call.operation satisfies never;
  }
}

function credentialsRefused(call: S3Call): string {
  return `${what(call)} was refused because the store does not accept these credentials. Check the access key and its secret.`;
}

function credentialsExpired(call: S3Call): string {
  return `${what(call)} was refused because the session of these credentials has expired. Renew it, or let the exporter use a role.`;
}

function credentialsMissing(call: S3Call): string {
  return (
    `No usable credentials were found for the bucket ${call.bucket}. ` +
    `Give them as the AWS SDK expects them: environment, shared configuration, web identity, or the role of the machine.`
  );
}

function what(call: S3Call): string {
  return `${call.operation} on s3://${call.bucket}/${call.key}`;
}

function at(call: S3Call): string {
  return call.endpoint === undefined ? '' : ` at ${call.endpoint}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
