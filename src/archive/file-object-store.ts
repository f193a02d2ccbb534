/**
 * Archive objects as files in a directory. What is written is whole and on the disk, or not there (`durable-files.ts`);
 * it is written by a thread of its own, everything else is read here.
 */
import { randomUUID } from 'node:crypto';
import { constants, existsSync, realpathSync, type Dirent } from 'node:fs';
import { lstat, open, readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SinkError } from '../../sinks/sink-error.ts';
import { formatRevision, type FileOutcome } from './durable-files.ts';
import { fileSystemError, hasCode } from './file-system-error.ts';
import { FileWriter } from './file-writer.ts';
import {
  assertPlainFolder,
  assertPlainKey,
  type GetOptions,
  type HeldRevision,
  type ListedObject,
  type ListOptions,
  type ObjectCallOptions,
  type ObjectHead,
  type ObjectStore,
  type ObjectVersionListed,
  type PutOptions,
  type StoredObject,
} from './object-store.ts';

export interface FileObjectStoreOptions {
  readonly directory: string;
  /** For telling the age of leftovers. Default: `Date.now`. */
  readonly now?: () => number;
}

const incompleteFolder = '.incomplete';
const incompleteName = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part$/;
/**
 * Another exporter may share the directory, so only what nobody can still be writing is removed. Were its writer only
 * asleep, its link() would fail and it would write again.
 */
const incompleteAgeMs = 24 * 3600 * 1000;

export function createFileObjectStore(options: FileObjectStoreOptions): ObjectStore {
  return new FileObjectStore(options);
}

class FileObjectStore implements ObjectStore {
  readonly isConditional = true;
  readonly location: string;
  readonly fingerprint: string;
  readonly #root: string;
  readonly #now: () => number;
  readonly #writer: FileWriter;

  constructor(options: FileObjectStoreOptions) {
    this.#root = realPath(resolve(options.directory));
    this.#writer = new FileWriter(this.#root);
    this.#now = options.now ?? Date.now;
    this.location = this.#root;
    this.fingerprint = `file:${this.#root}`;
  }

  async open(options: ObjectCallOptions): Promise<void> {
    options.signal.throwIfAborted();
    try {
      await this.#writer.makeDirectory(join(this.#root, incompleteFolder));
      await this.#removeLeftovers();
    } catch (error) {
      throw fileSystemError(error, { doing: 'prepare', path: this.#root, signal: options.signal });
    }
  }

  async putIfAbsent(key: string, bytes: Buffer, options: PutOptions): Promise<'created' | 'exists'> {
    const outcome = await this.#write(key, bytes, options);
    if (outcome === 'altered') throw new TypeError('nothing had to be as it was');
    return outcome;
  }

  async putWhile(
    key: string,
    bytes: Buffer,
    options: PutOptions & { readonly held: HeldRevision },
  ): Promise<FileOutcome> {
    return await this.#write(key, bytes, options);
  }

  async get(key: string, options: GetOptions): Promise<StoredObject | undefined> {
    assertPlainKey(key);
    options.signal.throwIfAborted();
    const path = join(this.#root, key);
    try {
      return { bytes: await readBounded(path, options.bytesMax) };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw fileSystemError(error, { doing: 'read', path, signal: options.signal });
    }
  }

  async head(key: string, options: ObjectCallOptions): Promise<ObjectHead | undefined> {
    assertPlainKey(key);
    options.signal.throwIfAborted();
    const path = join(this.#root, key);
    try {
      return { size: (await stat(path)).size };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw fileSystemError(error, { doing: 'read', path, signal: options.signal });
    }
  }

  async revision(key: string, options: ObjectCallOptions): Promise<string | undefined> {
    assertPlainKey(key);
    options.signal.throwIfAborted();
    const path = join(this.#root, key);
    try {
      return formatRevision(await stat(path, { bigint: true }));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw fileSystemError(error, { doing: 'read', path, signal: options.signal });
    }
  }

  list(folder: string, options: ListOptions): AsyncIterable<ListedObject> {
    assertPlainFolder(folder);
    return this.#walk(folder, folder, options);
  }

  async *listVersions(folder: string, options: ObjectCallOptions): AsyncGenerator<ObjectVersionListed> {
    for await (const { key } of this.list(folder, options)) {
      yield { key, versionId: 'null', isLatest: true, isDeleteMarker: false };
    }
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }

  async #write(
    key: string,
    bytes: Buffer,
    options: PutOptions & { readonly held?: HeldRevision },
  ): Promise<FileOutcome> {
    assertPlainKey(key);
    options.signal.throwIfAborted();
    const path = join(this.#root, key);
    const incomplete = join(this.#root, incompleteFolder, `${randomUUID()}.part`);
    const held = options.held && {
      path: join(this.#root, options.held.key),
      revision: options.held.revision,
    };
    try {
      return await this.#writer.write({ path, incomplete, held }, bytes, options);
    } catch (error) {
      throw (
        linkFailure(error, path) ?? fileSystemError(error, { doing: 'write', path, signal: options.signal })
      );
    }
  }

  async *#walk(folder: string, top: string, options: ListOptions): AsyncGenerator<ListedObject> {
    const { signal } = options;
    signal.throwIfAborted();
    for (const child of await this.#children(folder, top, options)) {
      if (folder === '' && child.name === incompleteFolder) continue;
      const key = `${folder}${child.name}`;
      // A name that is not UTF-8 can't be opened under what it was decoded to; it is not one of the archive's.
      const isLegible = !child.name.includes('\u{fffd}');
      if (child.isDirectory() && isLegible) yield* this.#walk(`${key}/`, top, options);
      else yield { key, size: await this.#size(key, signal) };
    }
  }

  async #children(folder: string, top: string, options: ListOptions): Promise<Dirent[]> {
    const path = join(this.#root, folder);
    try {
      const children = await readdir(path, { withFileTypes: true });
      return children.toSorted((one, other) => (sortName(one) < sortName(other) ? -1 : 1));
    } catch (error) {
      if (isAbsent(error)) return [];
      const failure = fileSystemError(error, { doing: 'list', path, signal: options.signal });
      // Where not even the top can be read, there is nothing to go on with.
      const isLost = folder === top || !(failure instanceof SinkError) || options.onUnreadable === undefined;
      if (isLost) throw failure;
      options.onUnreadable(folder, failure);
      return [];
    }
  }

  async #size(key: string, signal: AbortSignal): Promise<number> {
    const path = join(this.#root, key);
    try {
      return (await lstat(path)).size;
    } catch (error) {
      // Gone meanwhile, of a name that is not UTF-8, or in a folder that may not be entered: it is listed all the same, so
      // that it is noticed.
      if (isAbsent(error) || hasCode(error, 'ENAMETOOLONG', 'EACCES', 'EPERM')) return 0;
      throw fileSystemError(error, { doing: 'list', path, signal });
    }
  }

  async #removeLeftovers(): Promise<void> {
    const folder = join(this.#root, incompleteFolder);
    const names = await readdir(folder);
    for (const name of names.filter((candidate) => incompleteName.test(candidate))) {
      try {
        const { mtimeMs } = await stat(join(folder, name));
        if (this.#now() - mtimeMs > incompleteAgeMs) await unlink(join(folder, name));
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
      }
    }
  }
}

/** What a refused link says of the file system; undefined for any other failure. */
function linkFailure(thrown: unknown, path: string): SinkError | undefined {
  if (!(thrown instanceof Error && 'syscall' in thrown && thrown.syscall === 'link')) return undefined;
  if (hasCode(thrown, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) {
    return new SinkError(
      `The file system of ${dirname(path)} has no hard links, without which a file can't appear whole and never replace another. ` +
        `Choose a directory on another file system for this sink.`,
      { code: 'hard_links_unsupported', retryable: false, cause: thrown },
    );
  }
  if (hasCode(thrown, 'EXDEV')) {
    return new SinkError(
      `The directory ${dirname(path)} lies on another file system than the directory of the archive, so a file can't appear there whole. ` +
        `Keep the whole archive on one file system.`,
      { code: 'file_systems_mixed', retryable: false, cause: thrown },
    );
  }
  return undefined;
}

/** Opened without waiting, since a pipe that somebody put there would hold the reader for ever. */
const readNow = constants.O_RDONLY | constants.O_NONBLOCK;

async function readBounded(path: string, bytesMax: number): Promise<Buffer> {
  const file = await open(path, readNow);
  try {
    const status = await file.stat();
    // A device has no size and no end.
    if (!status.isFile() && !status.isDirectory()) throw notOurs(`The file ${path} is no regular file.`);
    if (status.size > bytesMax) {
      throw notOurs(`The file ${path} has ${status.size} bytes; at most ${bytesMax} were expected.`);
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function notOurs(what: string): SinkError {
  return new SinkError(`${what} It is not one of the archive's.`, {
    code: 'object_too_large',
    retryable: false,
  });
}

function isAbsent(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR');
}

/** A folder sorts as its keys do, with the slash. */
function sortName(child: Dirent): string {
  return child.isDirectory() ? `${child.name}/` : child.name;
}

/** The real path of what exists, and the rest as it will be made: the same before and after the first `open`. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return parent === path ? path : join(realPath(parent), basename(path));
}
