/**
 * Where archive objects live: a bucket or a directory behind one small interface. An object is a whole buffer under
 * a key, written once and never replaced; nothing here renames, appends or deletes.
 *
 * Keys are relative to the store's prefix or directory, with `/` between parts, so that an archive copied elsewhere
 * keeps its names.
 */
import { SinkError } from '../../sinks/sink-error.ts';

export interface ObjectCallOptions {
  readonly signal: AbortSignal;
}

export interface PutOptions extends ObjectCallOptions {
  /** SHA-256 of the bytes, 32 bytes; sent along where the store verifies it. */
  readonly sha256: Buffer;
  readonly contentType: string;
}

/** An object as it was when its revision was asked for. */
export interface HeldRevision {
  readonly key: string;
  readonly revision: string;
}

export interface GetOptions extends ObjectCallOptions {
  /** A larger object is not read; the call rejects with a SinkError of code `object_too_large`. */
  readonly bytesMax: number;
}

export interface ListOptions extends ObjectCallOptions {
  /**
   * Told of a folder below the listed one that can't be read; the rest is listed. Without it the listing rejects. A bucket
   * has no folders: it is listed whole or not at all.
   */
  readonly onUnreadable?: (folder: string, error: SinkError) => void;
}

export interface StoredObject {
  readonly bytes: Buffer;
}

export interface ObjectHead {
  readonly size: number;
  /** When it was put, in milliseconds since 1970; undefined where the store does not tell. */
  readonly putAtMs?: number | undefined;
  /** Its Object Lock; undefined where there is none, or where the caller may not see it. */
  readonly lock?: { readonly mode: string; readonly untilMs: number } | undefined;
  readonly hasLegalHold?: boolean | undefined;
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
}

/** One version of an object, where the store keeps several. */
export interface ObjectVersionListed {
  readonly key: string;
  readonly versionId: string;
  readonly isLatest: boolean;
  /** A marker says that the object was deleted; the versions below it are still there. */
  readonly isDeleteMarker: boolean;
}

/** All calls reject with a SinkError, or with the abort error of their signal. */
export interface ObjectStore {
  /** Names bucket and prefix, or the directory, for comparing. Stable over restarts; never a secret. */
  readonly fingerprint: string;
  /** The same for people: the start of a sentence's "in …". */
  readonly location: string;
  /**
   * Whether the store itself refuses to replace an object. False: `putIfAbsent` looks first and then puts, which two
   * writers at the same moment can get past.
   */
  readonly isConditional: boolean;
  /** Checks that the store can be reached and used. Puts nothing into it. */
  open(options: ObjectCallOptions): Promise<void>;
  /**
   * Puts the object if there is none of that key, durably. `exists` says only that there is one: it may be the
   * caller's own, whose answer got lost, so read it before believing anything. Rejects with a SinkError of code
   * `answer_lost` when the connection ended without an answer, also after repeats: the object may be there or not.
   */
  putIfAbsent(key: string, bytes: Buffer, options: PutOptions): Promise<'created' | 'exists'>;
  get(key: string, options: GetOptions): Promise<StoredObject | undefined>;
  head(key: string, options: ObjectCallOptions): Promise<ObjectHead | undefined>;
  /**
   * What is another whenever the object is another, or was altered. Present where that is far cheaper than reading a small
   * object; undefined where there is none of that key.
   */
  readonly revision?: (key: string, options: ObjectCallOptions) => Promise<string | undefined>;
  /**
   * `putIfAbsent` while another object is as it was, in one go; `altered`: it is not, and nothing was put. Present where
   * `revision` is.
   */
  readonly putWhile?: (
    key: string,
    bytes: Buffer,
    options: PutOptions & { readonly held: HeldRevision },
  ) => Promise<'created' | 'exists' | 'altered'>;
  /** Every object below a folder (`''`, or a path that ends in `/`), in the byte order of keys, a page at a time. */
  list(folder: string, options: ListOptions): AsyncIterable<ListedObject>;
  /**
   * Every version and delete marker below a folder, in the order of keys, the newest of each first. In a store without
   * versions each object has one. An object of the archive that has more was replaced or deleted by somebody.
   */
  listVersions(folder: string, options: ObjectCallOptions): AsyncIterable<ObjectVersionListed>;
  /** Ends connections. Idempotent. */
  close(): Promise<void>;
}

const keyPart = /^[A-Za-z0-9][A-Za-z0-9._=-]*$/;

/**
 * Throws unless every part of the key is plain: none empty, none that starts with a dot, no other character than
 * those of the archive's layout. The last guard before a path or a URL is made of it.
 */
export function assertPlainKey(key: string): void {
  if (key.length <= 900 && key.split('/').every((part) => keyPart.test(part))) return;
  throw new SinkError(
    `The object name ${JSON.stringify(key)} is not one of the archive's. Nothing was read or written under it.`,
    { code: 'key_refused', retryable: false },
  );
}

/** The same for a folder to list. */
export function assertPlainFolder(folder: string): void {
  if (folder !== '') assertPlainKey(folder.endsWith('/') ? folder.slice(0, -1) : `${folder}/`);
}
