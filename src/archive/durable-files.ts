/**
 * A file that appears under its name whole or not at all, by calls that wait for the disk:
 *
 *     .incomplete/<random>   write, fsync     (a crash here leaves a file that no reader of the archive sees)
 *     link() to its name     never replaces; EEXIST is "exists"
 *     fsync the directories  only now is it durable
 *     unlink the first name
 *
 * `rename` would be one step less, but it replaces what is there.
 */
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  statSync,
  unlinkSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import { dirname } from 'node:path';
import { announceStep } from '../steps.ts';
import { hasCode } from './file-system-error.ts';

export interface DurableFile {
  readonly path: string;
  /** Where it is written first, on the same file system. */
  readonly incomplete: string;
  /** Another file that must be as it was. */
  readonly held?: { readonly path: string; readonly revision: string } | undefined;
}

export type FileOutcome = 'created' | 'exists' | 'altered';

/** As many folders as some years have days. */
const durableMax = 4096;

export class DurableFiles {
  readonly #root: string;
  /**
   * Folders whose name is on the disk, because the folder above was synced since, with what tells them from others that
   * take their place.
   */
  readonly #durable = new Map<string, string>();
  /** The file whose first bytes are written. */
  #begun: { readonly incomplete: string; readonly file: number } | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** Writes bytes of a file before those that come with `write`, which must be what is asked for next, or this again. */
  begin(incomplete: string, bytes: Uint8Array): void {
    this.#append(incomplete, bytes);
  }

  /** `altered`: what had to be as it was is not, and nothing was written. */
  write({ path, incomplete, held }: DurableFile, bytes: Uint8Array): FileOutcome {
    let isWhole = false;
    try {
      if (held !== undefined && revisionOf(held.path) !== held.revision) return 'altered';
      makeDirectory(dirname(path));
      fsyncSync(this.#append(incomplete, bytes));
      isWhole = true;
    } finally {
      this.#end({ isWhole });
    }
    let outcome: FileOutcome;
    try {
      announceStep('file-written');
      outcome = linkWithoutReplacing(incomplete, path);
      announceStep('file-linked');
      // Also when it exists: whoever made it may have died before this step.
      this.#syncDirectories(dirname(path));
    } finally {
      remove(incomplete);
    }
    announceStep('file-synced');
    return outcome;
  }

  /** Returns the file, still open. */
  #append(incomplete: string, bytes: Uint8Array): number {
    if (this.#begun?.incomplete !== incomplete) this.#end({ isWhole: false });
    this.#begun ??= { incomplete, file: createIncomplete(incomplete) };
    const { file } = this.#begun;
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
    } catch (error) {
      this.#end({ isWhole: false });
      throw error;
    }
    return file;
  }

  /** Closes what was begun. Nothing stays of what is not whole, or could not be closed. */
  #end({ isWhole }: { readonly isWhole: boolean }): void {
    if (this.#begun === undefined) return;
    const { incomplete, file } = this.#begun;
    this.#begun = undefined;
    let isKept = false;
    try {
      closeSync(file);
      isKept = isWhole;
    } finally {
      if (!isKept) remove(incomplete);
    }
  }

  /** The folder that holds the new name, and every folder that is not known to be on the disk under its own. */
  #syncDirectories(deepest: string): void {
    const unsynced = new Set([deepest]);
    const named: [path: string, identity: string][] = [];
    for (let path = deepest; path !== this.#root && path !== dirname(path); path = dirname(path)) {
      const identity = identityOf(path);
      if (this.#durable.get(path) === identity) continue;
      named.push([path, identity]);
      unsynced.add(dirname(path));
    }
    for (const path of unsynced) syncDirectory(path);
    if (this.#durable.size + named.length > durableMax) this.#durable.clear();
    for (const [path, identity] of named) this.#durable.set(path, identity);
  }
}

export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  // The new directory is an entry of its parent, which may lie above the root.
  if (first !== undefined) syncDirectory(dirname(first));
}

function createIncomplete(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    makeDirectory(dirname(path));
    return openSync(path, 'wx', 0o600);
  }
}

function linkWithoutReplacing(from: string, to: string): 'created' | 'exists' {
  try {
    linkSync(from, to);
    return 'created';
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return 'exists';
    throw error;
  }
}

function remove(incomplete: string): void {
  try {
    unlinkSync(incomplete);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** What is another whenever the file is another, or was altered. */
export function formatRevision({ dev, ino, ctimeNs, size }: BigIntStats): string {
  return `${dev}:${ino}:${ctimeNs}:${size}`;
}

function revisionOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : formatRevision(found);
}

function identityOf(path: string): string {
  const { dev, ino, birthtimeNs } = statSync(path, { bigint: true });
  // The number of a folder that was removed is soon another's.
  return `${dev}:${ino}:${birthtimeNs}`;
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } catch (error) {
    // Some network and FUSE file systems can't sync a directory and keep it in order by themselves.
    if (!hasCode(error, 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
  } finally {
    closeSync(directory);
  }
}
