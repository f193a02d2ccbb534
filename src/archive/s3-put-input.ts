/** What is asked of a store with an object: its checksum, that there is none yet, and how it is to be kept. */
import { createHash } from 'node:crypto';
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import type { PutOptions } from './object-store.ts';
import type { S3Encryption, S3ObjectLock, S3ObjectStoreOptions } from './s3-options.ts';

/** Where the object goes. */
interface ObjectPlace {
  readonly Bucket: string;
  readonly ExpectedBucketOwner?: string;
  readonly Key: string;
}

export type PutObjectInput = PutObjectCommandInput & ObjectPlace;

export function putObjectInput(
  options: S3ObjectStoreOptions,
  object: {
    readonly place: ObjectPlace;
    readonly bytes: Buffer;
    readonly put: PutOptions;
    readonly isConditional: boolean;
  },
): PutObjectInput {
  const { place, bytes, put, isConditional } = object;
  const { checksum = 'sha256', encryption, objectLock, legalHold, storageClass } = options;
  return {
    ...place,
    Body: bytes,
    ContentLength: bytes.length,
    ContentType: put.contentType,
    ...(isConditional ? { IfNoneMatch: '*' } : {}),
    // Object Lock demands one of the two, and some stores the name of the first beside its value.
    ...(checksum === 'sha256'
      ? { ChecksumAlgorithm: 'SHA256' as const, ChecksumSHA256: put.sha256.toString('base64') }
      : { ContentMD5: createHash('md5').update(bytes).digest('base64') }),
    ...encryptionInput(encryption),
    ...lockInput(objectLock),
    ...(legalHold === true ? { ObjectLockLegalHoldStatus: 'ON' as const } : {}),
    // The SDK knows the classes of AWS; other stores have their own.
    ...(storageClass === undefined
      ? {}
      : { StorageClass: storageClass as NonNullable<PutObjectCommandInput['StorageClass']> }),
  };
}

function encryptionInput(
  encryption: S3Encryption | undefined,
): Pick<PutObjectCommandInput, 'ServerSideEncryption' | 'SSEKMSKeyId'> {
  if (encryption === undefined) return {};
  const { algorithm, kmsKeyId } = encryption;
  return { ServerSideEncryption: algorithm, ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }) };
}

/** The retention counts from the put; a repeat does not lengthen it, because nothing is put twice. */
function lockInput(
  lock: S3ObjectLock | undefined,
): Pick<PutObjectCommandInput, 'ObjectLockMode' | 'ObjectLockRetainUntilDate'> {
  if (lock === undefined) return {};
  return {
    ObjectLockMode: lock.mode,
    ObjectLockRetainUntilDate: new Date(Date.now() + lock.retentionMs),
  };
}
