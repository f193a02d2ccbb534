/** What the strict object store keeps: versions and delete markers of keys, and the rules of writing them. */
import { createHash, randomUUID } from 'node:crypto';

export interface ObjectVersion {
  readonly versionId: string;
  /** Undefined for a delete marker. */
  readonly bytes: Buffer | undefined;
  readonly etag: string;
  /** The request's headers that S3 keeps with an object. */
  readonly headers: Readonly<Record<string, string>>;
  readonly lockedUntilMs: number;
  /** Told of locked objects only. */
  readonly putAtMs?: number;
  readonly hasLegalHold: boolean;
}

export interface NewVersion {
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly isConditional: boolean;
}

export interface ListedVersion {
  readonly key: string;
  readonly version: ObjectVersion;
  readonly isLatest: boolean;
}

export interface KeyPage {
  readonly objects: readonly { readonly key: string; readonly version: ObjectVersion }[];
  readonly next: string | undefined;
}

/** An answer of S3 that is not a success: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
export class S3Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, headers: Readonly<Record<string, string>> = {}) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

const keyBytesMax = 1024;

export class StrictBucket {
  isVersioned: boolean;
  /** Newest first; never empty. */
  readonly #versions = new Map<string, ObjectVersion[]>();

  constructor(options: { readonly isVersioned: boolean }) {
    this.isVersioned = options.isVersioned;
  }

  current(key: string): ObjectVersion | undefined {
    const newest = this.#versions.get(key)?.[0];
    return newest?.bytes === undefined ? undefined : newest;
  }

  version(key: string, versionId: string): ObjectVersion | undefined {
    return this.#versions.get(key)?.find((version) => version.versionId === versionId);
  }

  versions(key: string): readonly ObjectVersion[] {
    return this.#versions.get(key) ?? [];
  }

  put(key: string, version: NewVersion): ObjectVersion {
    if (key === '' || Buffer.byteLength(key) > keyBytesMax) throw new S3Refusal(400, 'KeyTooLongError');
    if (version.isConditional && this.current(key) !== undefined) {
      throw new S3Refusal(412, 'PreconditionFailed');
    }
    const { headers } = version;
    const lockedUntilMs = Date.parse(headers['x-amz-object-lock-retain-until-date'] ?? '') || 0;
    const made: ObjectVersion = {
      versionId: this.isVersioned ? randomUUID() : 'null',
      bytes: version.bytes,
      etag: `"${createHash('md5').update(version.bytes).digest('hex')}"`,
      headers,
      lockedUntilMs,
      ...(lockedUntilMs === 0 ? {} : { putAtMs: Date.now() }),
      hasLegalHold: headers['x-amz-object-lock-legal-hold'] === 'ON',
    };
    this.#versions.set(key, this.isVersioned ? [made, ...this.versions(key)] : [made]);
    return made;
  }

  /** Without a version id a versioned bucket gets a marker; with one, the version is gone unless it is locked. */
  delete(key: string, versionId?: string): void {
    if (versionId === undefined && this.isVersioned) {
      const marker = { versionId: randomUUID(), bytes: undefined, etag: '', headers: {}, lockedUntilMs: 0 };
      this.#versions.set(key, [{ ...marker, hasLegalHold: false }, ...this.versions(key)]);
      return;
    }
    const gone = versionId === undefined ? this.versions(key) : [this.version(key, versionId)];
    if (gone.some((version) => version !== undefined && isLocked(version))) {
      throw new S3Refusal(403, 'AccessDenied');
    }
    const rest = this.versions(key).filter((version) => !gone.includes(version));
    if (rest.length === 0) this.#versions.delete(key);
    else this.#versions.set(key, rest);
  }

  clear(): void {
    this.#versions.clear();
  }

  /** Current objects in the order of the bytes of their keys, after a key. */
  page(options: { prefix: string; after: string | undefined; count: number }): KeyPage {
    const { prefix, after, count } = options;
    const keys = [...this.#versions.keys()]
      .filter((key) => key.startsWith(prefix) && this.current(key) !== undefined)
      .filter((key) => after === undefined || compareBytes(key, after) > 0)
      .toSorted(compareBytes);
    const objects = keys.slice(0, count).flatMap((key) => {
      const version = this.current(key);
      return version === undefined ? [] : [{ key, version }];
    });
    return { objects, next: keys.length > count ? objects.at(-1)?.key : undefined };
  }

  /** Every version and marker, by key, newest first. */
  allVersions(prefix: string): ListedVersion[] {
    const keys = [...this.#versions.keys()].filter((key) => key.startsWith(prefix)).toSorted(compareBytes);
    return keys.flatMap((key) =>
      this.versions(key).map((version, index) => ({ key, version, isLatest: index === 0 })),
    );
  }
}

function isLocked(version: ObjectVersion): boolean {
  return version.hasLegalHold || version.lockedUntilMs > Date.now();
}

function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
