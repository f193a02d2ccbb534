/** A bucket with Object Lock on a real store, made for one test and looked at with the AWS SDK. */
import { createHash, randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { createS3ObjectStore } from '../../src/archive/s3-object-store.ts';
import type { S3ObjectStoreOptions } from '../../src/archive/s3-options.ts';
import type { ObjectStore } from '../../src/archive/object-store.ts';
import { toError } from '../../src/errors.ts';
import type { ArchivePlace } from '../helpers/archive-places.ts';

export interface LockedVersion {
  readonly key: string;
  readonly versionId: string;
  readonly mode: string | undefined;
  readonly untilMs: number | undefined;
  readonly hasLegalHold: boolean;
  readonly putAtMs: number;
}

export interface LockedBucket {
  readonly name: string;
  /** The program's own client, with these options. */
  store(options: Partial<S3ObjectStoreOptions>): ObjectStore;
  /** Where a scenario writes its archive, everything with these options. */
  place(options: Partial<S3ObjectStoreOptions>): Pick<ArchivePlace, 'store' | 'plant'>;
  /** Every version of every object, without delete markers. */
  versions(): Promise<LockedVersion[]>;
  content(version: LockedVersion): Promise<string>;
  /** Puts over an object, on condition that there is none or on no condition. */
  putOver(key: string, options: { readonly isConditional: boolean }): Promise<void>;
  /** Deletes for good, as anybody may who has no right to bypass a retention. */
  deleteVersion(version: LockedVersion): Promise<void>;
  /** Deletes as most tools do: by a marker. */
  delete(key: string): Promise<void>;
  /** The bucket stays: what is locked in it can't be deleted. */
  close(): void;
}

export async function createLockedBucket(endpoint: string): Promise<LockedBucket> {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });
  const Bucket = `locked-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));

  const { signal } = new AbortController();

  const store = (options: Partial<S3ObjectStoreOptions>): ObjectStore =>
    createS3ObjectStore({ bucket: Bucket, region: 'us-east-1', endpoint, forcePathStyle: true, ...options });

  const versions = async (): Promise<LockedVersion[]> => {
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    return await Promise.all(
      Versions.map(async ({ Key: key = '', VersionId: versionId = '' }) => {
        const head = await client.send(new HeadObjectCommand({ Bucket, Key: key, VersionId: versionId }));
        return {
          key,
          versionId,
          mode: head.ObjectLockMode,
          untilMs: head.ObjectLockRetainUntilDate?.getTime(),
          hasLegalHold: head.ObjectLockLegalHoldStatus === 'ON',
          putAtMs: head.LastModified?.getTime() ?? Number.NaN,
        };
      }),
    );
  };

  return {
    name: Bucket,
    versions,
    store,
    place: (options) => ({
      store: () => store(options),
      plant: async (key, bytes) => {
        const planter = store(options);
        const sha256 = createHash('sha256').update(bytes).digest();
        await planter.putIfAbsent(key, bytes, { sha256, contentType: 'application/json', signal });
        await planter.close();
      },
    }),
    content: async ({ key, versionId }) => {
      const command = new GetObjectCommand({ Bucket, Key: key, VersionId: versionId });
      return (await (await client.send(command)).Body?.transformToString('base64')) ?? '';
    },
    putOver: async (Key, { isConditional }) => {
      const condition = isConditional ? { IfNoneMatch: '*' } : {};
      // A bucket with Object Lock demands a checksum; the SDK sends one.
      await client.send(new PutObjectCommand({ Bucket, Key, Body: 'forged', ...condition }));
    },
    deleteVersion: async ({ key, versionId }) => {
      await client.send(new DeleteObjectCommand({ Bucket, Key: key, VersionId: versionId }));
    },
    delete: async (Key) => {
      await client.send(new DeleteObjectCommand({ Bucket, Key }));
    },
    close: () => client.destroy(),
  };
}

/** The name that S3 gives to a refusal; `done` where there was none. */
export async function refusalOf(call: Promise<void>): Promise<string> {
  return await call.then(
    () => 'done',
    (error: unknown) => toError(error).name,
  );
}
