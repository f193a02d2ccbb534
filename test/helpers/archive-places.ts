/** The two kinds of places an archive can be in, with a way past the program's own code. */
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { createFileObjectStore } from '../../src/archive/file-object-store.ts';
import type { ObjectStore } from '../../src/archive/object-store.ts';
import { createS3ObjectStore } from '../../src/archive/s3-object-store.ts';
import { startStrictObjectStore, type StrictObjectStore } from './strict-object-store.ts';

export interface ArchivePlace {
  /** Another client of the same place, opened by the sink that uses it. */
  store(): ObjectStore;
  /** Every object by key, as it is stored. */
  objects(): Promise<Map<string, Buffer>>;
  /** Puts or replaces behind the program's back. */
  plant(key: string, bytes: Buffer): Promise<void>;
  remove(key: string): Promise<void>;
  dispose(): Promise<void>;
}

export async function directoryPlace(): Promise<ArchivePlace> {
  const directory = await mkdtemp(join(await realpath(tmpdir()), 'archive-'));
  return {
    store: () => createFileObjectStore({ directory }),
    async objects() {
      const found = new Map<string, Buffer>();
      for (const child of await readdir(directory, { recursive: true, withFileTypes: true })) {
        const path = join(child.parentPath, child.name);
        if (child.isFile()) found.set(relative(directory, path), await readFile(path));
      }
      return found;
    },
    async plant(key, bytes) {
      await mkdir(dirname(join(directory, key)), { recursive: true });
      await writeFile(join(directory, key), bytes);
    },
    remove: (key) => rm(join(directory, key)),
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Needs credentials of any kind in the environment. */
export async function bucketPlace(): Promise<ArchivePlace & { readonly server: StrictObjectStore }> {
  const server = await startStrictObjectStore();
  const prefix = 'cc/';
  return {
    server,
    store: () =>
      createS3ObjectStore({
        bucket: server.settings.bucket,
        prefix,
        region: server.settings.region,
        endpoint: server.url,
        conflictDelayMs: () => 0,
      }),
    objects: () =>
      Promise.resolve(
        new Map([...server.objects()].map(([key, bytes]) => [key.slice(prefix.length), bytes])),
      ),
    plant: (key, bytes) => {
      server.bucket.put(`${prefix}${key}`, { bytes, headers: {}, isConditional: false });
      return Promise.resolve();
    },
    remove: (key) => Promise.resolve(server.bucket.delete(`${prefix}${key}`)),
    dispose: () => server.close(),
  };
}
