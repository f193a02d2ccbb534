/**
 * Archive objects in a bucket of S3 or of a store that speaks its protocol. Nobody but this and its neighbours knows the AWS SDK.
 *
 * Each object is one PutObject of a whole buffer with its checksum: no multipart uploads to be left behind, and no
 * streams, whose chunk framing some stores keep as part of the object. The put says `If-None-Match: *`, so the store
 * itself refuses to replace anything; Google Cloud Storage wants its own header for that and honours no other.
 * The SDK repeats a request whose answer was lost, and then the answer is 412 for our own object: `exists` means no more
 * than that there is one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { SinkError } from '../../sinks/sink-error.ts';
import { announceStep } from '../steps.ts';
import {
  assertPlainFolder,
  assertPlainKey,
  type GetOptions,
  type ListedObject,
  type ObjectCallOptions,
  type ObjectHead,
  type ObjectStore,
  type ObjectVersionListed,
  type PutOptions,
  type StoredObject,
} from './object-store.ts';
import { isBody, readBounded } from './s3-body.ts';
import { createS3Client, silenceMsDefault } from './s3-client.ts';
import { readS3Failure, s3Error, type S3Call, type S3Operation } from './s3-error.ts';
import { hostOf, normalPrefix, type S3ObjectStoreOptions } from './s3-options.ts';
import { putObjectInput, type PutObjectInput } from './s3-put-input.ts';

const conflictsMax = 6;
/** The slowest upload that is still waited for. */
const bytesPerMsMin = 64;
const pageKeys = 1000;

export function createS3ObjectStore(options: S3ObjectStoreOptions): ObjectStore {
  return new S3ObjectStore(options);
}

class S3ObjectStore implements ObjectStore {
  readonly isConditional: boolean;
  readonly location: string;
  readonly fingerprint: string;
  readonly #options: S3ObjectStoreOptions;
  /** Empty, or ends in a slash. */
  readonly #prefix: string;
  readonly #endpoint: string | undefined;
  readonly #silenceMs: number;
  readonly #client: S3Client;

  constructor(options: S3ObjectStoreOptions) {
    this.#options = options;
    this.#prefix = normalPrefix(options.prefix ?? '');
    this.#endpoint = options.endpoint === undefined ? undefined : hostOf(options.endpoint);
    this.#silenceMs = options.silenceMs ?? silenceMsDefault;
    this.isConditional = options.conditionalWrites ?? true;
    this.location = `s3://${options.bucket}/${this.#prefix}`.replace(/\/$/, '');
    this.fingerprint =
      this.#endpoint === undefined ? this.location : `${this.location}?endpoint=${this.#endpoint}`;
    this.#client = createS3Client(options, this.#silenceMs);
  }

  async open(options: ObjectCallOptions): Promise<void> {
    await this.#page({ prefix: this.#prefix, token: undefined, keys: 1 }, options.signal);
  }

  async putIfAbsent(key: string, bytes: Buffer, options: PutOptions): Promise<'created' | 'exists'> {
    assertPlainKey(key);
    if (!this.isConditional && (await this.head(key, options)) !== undefined) return 'exists';
    const input = putObjectInput(this.#options, {
      place: { ...this.#bucket(), Key: `${this.#prefix}${key}` },
      bytes,
      put: options,
      isConditional: this.isConditional,
    });
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#put(input, { bytes: bytes.length, signal: options.signal });
      if (outcome !== 'conflict') return outcome;
      if (attempt === conflictsMax) throw conflictError(input.Bucket, input.Key);
      const delayMs = (this.#options.conflictDelayMs ?? conflictDelayMs)(attempt);
      await delay(delayMs, undefined, { signal: options.signal });
    }
  }

  async get(key: string, options: GetOptions): Promise<StoredObject | undefined> {
    assertPlainKey(key);
    const call = this.#call('GetObject', key, options.signal);
    try {
      const { Body: body, ContentLength: length } = await this.#client.send(
        new GetObjectCommand({ ...this.#bucket(), Key: call.key }),
        { abortSignal: options.signal },
      );
      if (!isBody(body)) return { bytes: Buffer.alloc(0) };
      const limits = { bytesMax: options.bytesMax, silenceMs: this.#silenceMs, key: call.key };
      return { bytes: await readBounded(body, length, limits) };
    } catch (error) {
      const { code, status } = readS3Failure(error);
      if (code === 'NoSuchKey' || (status === 404 && code !== 'NoSuchBucket')) return undefined;
      throw s3Error(error, call);
    }
  }

  async head(key: string, options: ObjectCallOptions): Promise<ObjectHead | undefined> {
    assertPlainKey(key);
    const call = this.#call('HeadObject', key, options.signal);
    try {
      const command = new HeadObjectCommand({ ...this.#bucket(), Key: call.key });
      return objectHead(await this.#client.send(command, { abortSignal: options.signal }));
    } catch (error) {
      // A HEAD has no body to say what was not found; the put that follows says it for a bucket.
      if (readS3Failure(error).status === 404) return undefined;
      throw s3Error(error, call);
    }
  }

  list(folder: string, options: ObjectCallOptions): AsyncIterable<ListedObject> {
    assertPlainFolder(folder);
    return this.#list(`${this.#prefix}${folder}`, options.signal);
  }

  listVersions(folder: string, options: ObjectCallOptions): AsyncIterable<ObjectVersionListed> {
    assertPlainFolder(folder);
    return this.#listVersions(`${this.#prefix}${folder}`, options.signal);
  }

  close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  async *#list(prefix: string, signal: AbortSignal): AsyncGenerator<ListedObject> {
    let token: string | undefined;
    do {
      const page = await this.#page({ prefix, token, keys: pageKeys }, signal);
      for (const { key, size } of page.objects) yield { key: key.slice(this.#prefix.length), size };
      if (page.next !== undefined && page.next === token) {
        throw endlessList(this.#options.bucket, prefix);
      }
      token = page.next;
    } while (token !== undefined);
  }

  async *#listVersions(prefix: string, signal: AbortSignal): AsyncGenerator<ObjectVersionListed> {
    let marker: VersionMarker | undefined;
    do {
      const page = await this.#versionPage(prefix, marker, signal);
      for (const version of page.versions) {
        yield { ...version, key: version.key.slice(this.#prefix.length) };
      }
      if (marker !== undefined && page.next?.key === marker.key && page.next.versionId === marker.versionId) {
        throw endlessList(this.#options.bucket, prefix);
      }
      marker = page.next;
    } while (marker !== undefined);
  }

  async #versionPage(
    prefix: string,
    marker: VersionMarker | undefined,
    signal: AbortSignal,
  ): Promise<VersionPage> {
    const command = new ListObjectVersionsCommand({
      ...this.#bucket(),
      Prefix: prefix,
      MaxKeys: pageKeys,
      ...(marker === undefined ? {} : { KeyMarker: marker.key, VersionIdMarker: marker.versionId }),
    });
    try {
      const answer = await this.#client.send(command, { abortSignal: signal });
      const versions = [
        ...(answer.Versions ?? []).map((version) => listedVersion(version, false)),
        ...(answer.DeleteMarkers ?? []).map((version) => listedVersion(version, true)),
      ];
      const { NextKeyMarker: key, NextVersionIdMarker: versionId = '' } = answer;
      const next = answer.IsTruncated === true && key !== undefined ? { key, versionId } : undefined;
      // Versions and markers come apart; a stable sort by key and "latest" brings those of a key together.
      return { versions: versions.toSorted(newestFirst), next };
    } catch (error) {
      throw s3Error(error, { ...this.#call('ListObjectVersions', '', signal), key: prefix });
    }
  }

  async #page(page: PageRequest, signal: AbortSignal): Promise<Page> {
    const call: S3Call = { ...this.#call('ListObjectsV2', '', signal), key: page.prefix };
    try {
      const { Contents: contents = [], NextContinuationToken: next } = await this.#client.send(
        new ListObjectsV2Command({
          ...this.#bucket(),
          Prefix: page.prefix,
          MaxKeys: page.keys,
          ...(page.token === undefined ? {} : { ContinuationToken: page.token }),
        }),
        { abortSignal: signal },
      );
      return { objects: contents.map(({ Key: key = '', Size: size = 0 }) => ({ key, size })), next };
    } catch (error) {
      throw s3Error(error, call);
    }
  }

  async #put(
    input: PutObjectInput,
    options: { bytes: number; signal: AbortSignal },
  ): Promise<'created' | 'exists' | 'conflict'> {
    const requestTimeout = this.#silenceMs + options.bytes / bytesPerMsMin;
    try {
      announceStep('put-sent');
      await this.#client.send(new PutObjectCommand(input), { abortSignal: options.signal, requestTimeout });
      announceStep('put-answered');
      return 'created';
    } catch (error) {
      const { status } = readS3Failure(error);
      if (status === 412) return 'exists';
      if (status === 409) return 'conflict';
      throw s3Error(error, { ...this.#call('PutObject', '', options.signal), key: input.Key });
    }
  }

  #bucket(): { Bucket: string; ExpectedBucketOwner?: string } {
    const { bucket, expectedBucketOwner } = this.#options;
    return {
      Bucket: bucket,
      ...(expectedBucketOwner === undefined ? {} : { ExpectedBucketOwner: expectedBucketOwner }),
    };
  }

  #call(operation: S3Operation, key: string, signal: AbortSignal): S3Call {
    const { bucket, encryption, objectLock, legalHold, expectedBucketOwner } = this.#options;
    return {
      operation,
      bucket,
      key: `${this.#prefix}${key}`,
      endpoint: this.#endpoint,
      usesKms: encryption?.algorithm === 'aws:kms',
      usesObjectLock: objectLock !== undefined || legalHold === true,
      checksBucketOwner: expectedBucketOwner !== undefined,
      signal,
    };
  }
}

interface PageRequest {
  readonly prefix: string;
  readonly token: string | undefined;
  readonly keys: number;
}

interface Page {
  readonly objects: readonly ListedObject[];
  readonly next: string | undefined;
}

interface VersionMarker {
  readonly key: string;
  readonly versionId: string;
}

interface VersionPage {
  readonly versions: readonly ObjectVersionListed[];
  readonly next: VersionMarker | undefined;
}

/** Full jitter under a doubling ceiling: a conflict ends when the other writer has ended. */
function conflictDelayMs(attempt: number): number {
  return Math.random() * Math.min(5_000, 100 * 2 ** attempt);
}

function objectHead(output: HeadObjectCommandOutput): ObjectHead {
  const {
    ContentLength: size = 0,
    LastModified: putAt,
    ObjectLockMode: mode,
    ObjectLockRetainUntilDate: until,
  } = output;
  return {
    size,
    putAtMs: putAt?.getTime(),
    lock: mode === undefined || until === undefined ? undefined : { mode, untilMs: until.getTime() },
    hasLegalHold: output.ObjectLockLegalHoldStatus === 'ON' ? true : undefined,
  };
}

function listedVersion(
  version: {
    readonly Key?: string | undefined;
    readonly VersionId?: string | undefined;
    readonly IsLatest?: boolean | undefined;
  },
  isDeleteMarker: boolean,
): ObjectVersionListed {
  const { Key: key = '', VersionId: versionId = 'null', IsLatest: isLatest = false } = version;
  return { key, versionId, isLatest, isDeleteMarker };
}

function newestFirst(one: ObjectVersionListed, other: ObjectVersionListed): number {
  if (one.key !== other.key) return Buffer.compare(Buffer.from(one.key), Buffer.from(other.key));
  return Number(other.isLatest) - Number(one.isLatest);
}

function endlessList(bucket: string, prefix: string): SinkError {
  return new SinkError(
    `The list of s3://${bucket}/${prefix} does not end: the store repeats a page. Report this to its maker.`,
    { code: 'store_inconsistent', retryable: true },
  );
}

function conflictError(bucket: string, key: string): SinkError {
  return new SinkError(
    `PutObject on s3://${bucket}/${key} met another write to the same key ${conflictsMax} times (409). It will be tried again.`,
    { code: 'write_conflict', retryable: true },
  );
}
