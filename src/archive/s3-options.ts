import { UsageError } from '../errors.ts';
import type { ProxySettings } from './proxy-agent.ts';

export interface S3ObjectStoreOptions {
  readonly bucket: string;
  /** What every key begins with; slashes at its ends don't count. Default: nothing. */
  readonly prefix?: string | undefined;
  /** Default: what the SDK finds (AWS_REGION, shared configuration). */
  readonly region?: string | undefined;
  /** A role to assume with the credentials that the SDK finds. */
  readonly roleArn?: string | undefined;
  /** The URL of another store. Default: AWS. */
  readonly endpoint?: string | undefined;
  /** The bucket in the path instead of the host name. Default false. */
  readonly forcePathStyle?: boolean | undefined;
  /** False: puts carry no condition and are preceded by a look, which two writers at once can get past. Default true. */
  readonly conditionalWrites?: boolean | undefined;
  /** The account that must own the bucket. */
  readonly expectedBucketOwner?: string | undefined;
  readonly storageClass?: string | undefined;
  /** `none` sends Content-MD5 instead, for stores that refuse the newer checksum headers. Default `sha256`. */
  readonly checksum?: 'sha256' | 'none' | undefined;
  /** Default: the bucket's own. */
  readonly encryption?: S3Encryption | undefined;
  /** Set on every object; the bucket must have Object Lock. */
  readonly objectLock?: S3ObjectLock | undefined;
  readonly legalHold?: boolean | undefined;
  /** The way out for HTTPS. Default: what HTTPS_PROXY and NO_PROXY say. */
  readonly proxy?: ProxySettings | undefined;
  /** How long to wait, in milliseconds, before the nth repetition of a put that met another one. */
  readonly conflictDelayMs?: ((attempt: number) => number) | undefined;
  /** How long, in milliseconds, the store may be silent. Default 60 s. */
  readonly silenceMs?: number | undefined;
}

export interface S3Encryption {
  /** `AES256` is SSE-S3, `aws:kms` is SSE-KMS. */
  readonly algorithm: 'AES256' | 'aws:kms';
  readonly kmsKeyId?: string | undefined;
}

export interface S3ObjectLock {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly retentionMs: number;
}

/** A prefix as keys begin with it: empty, or ending in a slash. Throws a UsageError for what no key can hold. */
export function normalPrefix(prefix: string): string {
  const trimmed = prefix.replaceAll(/^\/+|\/+$/g, '');
  if (trimmed === '') return '';
  const isPlain = trimmed.split('/').every((part) => !['', '.', '..'].includes(part));
  if (isPlain && !/\p{Cc}/u.test(trimmed)) return `${trimmed}/`;
  throw new UsageError(
    `The prefix ${JSON.stringify(prefix)} can't be part of an object's name: it has an empty part, "." or "..", or control characters.`,
    { code: 'prefix_unusable' },
  );
}

/** The host of an endpoint, for people and for comparing: an endpoint's URL may hold a password. */
export function hostOf(endpoint: string): string {
  if (URL.canParse(endpoint)) return new URL(endpoint).host;
  throw new UsageError(`The endpoint of an object store must be a URL such as https://storage.example.com.`, {
    code: 'endpoint_unusable',
  });
}
