import { execFile, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createFileObjectStore } from '../../src/archive/file-object-store.ts';
import { fileSystemError } from '../../src/archive/file-system-error.ts';
import type { ListedObject, ObjectStore } from '../../src/archive/object-store.ts';
import { compileModule } from '../helpers/compiled-module.ts';
import { endlessKey, endlessObject } from '../helpers/endless-objects.ts';
import { mountSmallFileSystem } from '../helpers/small-file-system.ts';

const { signal } = new AbortController();
const key = 'organization=acme/entries/date=2026-03-01/000000000001.jsonl.gz';

describe('archive objects in a directory', () => {
  let directory: string;
  let store: ObjectStore;

  beforeEach(async () => {
    directory = await mkdtemp(join(await realpath(tmpdir()), 'file-store-'));
    store = createFileObjectStore({ directory: join(directory, 'archive') });
    await store.open({ signal });
  });

  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('tells by the revision that an object was altered, replaced or removed, and says the same while nothing happens', async () => {
    const path = join(directory, 'archive', key);
    expect(await store.revision?.(key, { signal })).toBeUndefined();
    await put(store, 'first');
    const first = await store.revision?.(key, { signal });
    expect(first).toBeDefined();
    expect(await store.revision?.(key, { signal })).toBe(first);
    await writeFile(path, 'other');
    const altered = await store.revision?.(key, { signal });
    expect(altered).not.toBe(first);
    await rm(path);
    await writeFile(path, 'other');
    expect(await store.revision?.(key, { signal })).not.toBe(altered);
  });

  test('are written once and never replaced', async () => {
    expect(await put(store, 'first')).toBe('created');
    expect(await put(store, 'second')).toBe('exists');
    expect(await readFile(join(directory, 'archive', key), 'utf8')).toBe('first');
    expect((await store.get(key, { bytesMax: 5, signal }))?.bytes.toString()).toBe('first');
    expect(await store.head(key, { signal })).toEqual({ size: 5 });
  });

  test('are put only while another is as it was, where that is asked for', async () => {
    const other = 'organization=acme/archive.json';
    const path = join(directory, 'archive', other);
    const revision = async (): Promise<string> => (await store.revision?.(other, { signal })) ?? '';
    const putHeld = (text: string, held: string): Promise<string> | undefined =>
      store.putWhile?.(key, Buffer.from(text), { ...options(text), held: { key: other, revision: held } });
    expect(await putHeld('never', 'none')).toBe('altered');
    await store.putIfAbsent(other, Buffer.from('{}'), options('{}'));
    const held = await revision();
    await writeFile(path, '{} ');
    expect(await putHeld('never', held)).toBe('altered');
    expect((await list(store, '')).map((object) => object.key)).toEqual([other]);
    expect(await putHeld('first', await revision())).toBe('created');
    expect(await putHeld('second', await revision())).toBe('exists');
    await rm(path);
    expect(await putHeld('third', held)).toBe('altered');
    expect(await readFile(join(directory, 'archive', key), 'utf8')).toBe('first');
  });

  test('are no devices and no pipes, which have no end', async () => {
    const other = 'organization=acme/entries/date=2026-03-01/000000000002.jsonl.gz';
    await mkdir(join(directory, 'archive/organization=acme/entries/date=2026-03-01'), { recursive: true });
    await symlink('/dev/zero', join(directory, 'archive', key));
    await promisify(execFile)('mkfifo', [join(directory, 'archive', other)]);
    for (const strange of [key, other]) {
      await expect(store.get(strange, { bytesMax: 1000, signal })).rejects.toMatchObject({
        code: 'object_too_large',
      });
    }
  });

  test('have one creator when many writers race, whose bytes they keep', async () => {
    const stores = Array.from({ length: 8 }, () =>
      createFileObjectStore({ directory: join(directory, 'archive') }),
    );
    const outcomes = await Promise.all(stores.map((each, index) => put(each, `writer ${index}`)));
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
    const winner = `writer ${outcomes.indexOf('created')}`;
    expect(await readFile(join(directory, 'archive', key), 'utf8')).toBe(winner);
    expect(await readdir(join(directory, 'archive/.incomplete'))).toEqual([]);
  });

  test('and what holds them are for their owner only', async () => {
    await put(store, 'first');
    const root = join(directory, 'archive');
    for (const folder of ['', '.incomplete', 'organization=acme', 'organization=acme/entries']) {
      expect((await stat(join(root, folder))).mode & 0o777).toBe(0o700);
    }
    expect((await stat(join(root, key))).mode & 0o777).toBe(0o600);
  });

  test('are absent when they are, also below a file', async () => {
    expect(await store.get(key, { bytesMax: 1, signal })).toBeUndefined();
    expect(await store.head(key, { signal })).toBeUndefined();
    await put(store, 'first');
    expect(await store.head(`${key}/below`, { signal })).toBeUndefined();
  });

  test('are not read when they are larger than was expected', async () => {
    await put(store, 'first');
    await expect(store.get(key, { bytesMax: 4, signal })).rejects.toMatchObject({ code: 'object_too_large' });
  });

  test('are listed in the order of their keys, without what is unfinished', async () => {
    const root = join(directory, 'archive');
    for (const name of ['b/2', 'b/10', 'b-1', 'a/x/y', 'c']) {
      await store.putIfAbsent(name, Buffer.from(name), options(name));
    }
    await writeFile(join(root, '.incomplete', `${randomUUID()}.part`), 'half');
    const listed = await list(store, '');
    expect(listed.map((object) => object.key)).toEqual(['a/x/y', 'b-1', 'b/10', 'b/2', 'c']);
    expect(listed[0]?.size).toBe(5);
    expect((await list(store, 'b/')).map((object) => object.key)).toEqual(['b/10', 'b/2']);
    expect(await list(store, 'nowhere/')).toEqual([]);
  });

  test.each(['../outside', '/outside', 'a/../../outside', '.incomplete/x', 'a\0b', ''])(
    'are never written or read outside the directory, as %j asks for',
    async (name) => {
      await expect(store.putIfAbsent(name, Buffer.from('x'), options('x'))).rejects.toMatchObject({
        code: 'key_refused',
      });
      await expect(store.get(name, { bytesMax: 9, signal })).rejects.toMatchObject({ code: 'key_refused' });
      await expect(store.head(name, { signal })).rejects.toMatchObject({ code: 'key_refused' });
      expect(await readdir(directory)).toEqual(['archive']);
    },
  );

  test('have the real path as fingerprint, before and after the directory is made', async () => {
    await symlink(directory, join(directory, 'link'));
    const through = join(directory, 'link/later/archive');
    const before = createFileObjectStore({ directory: through });
    expect(before.fingerprint).toBe(`file:${join(directory, 'later/archive')}`);
    await before.open({ signal });
    expect(createFileObjectStore({ directory: through }).fingerprint).toBe(before.fingerprint);
    expect(createFileObjectStore({ directory: `${through}/../archive/` }).fingerprint).toBe(
      before.fingerprint,
    );
  });

  test('leave old leftovers of a crash for the next start to remove, and nothing else', async () => {
    const folder = join(directory, 'archive/.incomplete');
    const old = new Date(Date.now() - 2 * 24 * 3600 * 1000);
    const [stale, fresh, foreign] = [`${randomUUID()}.part`, `${randomUUID()}.part`, 'notes.txt'];
    for (const name of [stale, fresh, foreign]) await writeFile(join(folder, name), 'x');
    await utimes(join(folder, stale), old, old);
    await utimes(join(folder, foreign), old, old);
    await createFileObjectStore({ directory: join(directory, 'archive') }).open({ signal });
    expect((await readdir(folder)).toSorted()).toEqual([fresh, foreign].toSorted());
  });

  test('are not begun when the signal is aborted, and its reason is what is thrown', async () => {
    const reason = new Error('enough');
    const aborted = AbortSignal.abort(reason);
    const writing = store.putIfAbsent(key, Buffer.from('x'), { ...options('x'), signal: aborted });
    await expect(writing).rejects.toBe(reason);
    expect(await list(store, '')).toEqual([]);
  });

  test('say which file is in the way of a directory', async () => {
    await writeFile(join(directory, 'archive/organization=acme'), 'a file');
    await expect(put(store, 'first')).rejects.toMatchObject({
      code: 'path_blocked',
      message: expect.stringContaining(directory),
    });
    const blocked = createFileObjectStore({ directory: join(directory, 'archive/organization=acme') });
    await expect(blocked.open({ signal })).rejects.toMatchObject({ code: 'path_blocked', retryable: false });
  });

  test('say so when a part of the directory lies on another file system', async () => {
    const elsewhere = await mkdtemp('/dev/shm/file-store-');
    try {
      await symlink(elsewhere, join(directory, 'archive/organization=acme'));
      await expect(put(store, 'first')).rejects.toMatchObject({
        code: 'file_systems_mixed',
        retryable: false,
      });
      expect(await readdir(elsewhere, { recursive: true })).not.toContainEqual(expect.stringMatching(/gz$/));
      expect(await readdir(join(directory, 'archive/.incomplete'))).toEqual([]);
    } finally {
      await rm(elsewhere, { recursive: true, force: true });
    }
  });

  test('have one version each', async () => {
    await put(store, 'first');
    const versions: unknown[] = [];
    for await (const version of store.listVersions('', { signal })) versions.push(version);
    expect(versions).toEqual([{ key, versionId: 'null', isLatest: true, isDeleteMarker: false }]);
  });

  test('a full disk leaves nothing half-written, says so, and can be tried again', async () => {
    const mountPoint = join(directory, 'small');
    await mkdir(mountPoint);
    const unmount = await mountSmallFileSystem(mountPoint);
    try {
      // Where a file system can't be mounted, a device that is always full stands in for writing to one.
      const failure = unmount === undefined ? await writeToFullDevice() : await fillUp(mountPoint);
      expect(failure).toMatchObject({ code: 'disk_full', retryable: true });
      expect(String(failure)).toMatch(/Make room/);
    } finally {
      await unmount?.();
    }
  });

  test('are whole or not there when their writer is killed', { timeout: 120_000 }, async () => {
    const compiled = await compileModule(
      'test/helpers/endless-file-writer.ts',
      'src/archive/file-writer-thread.ts',
    );
    try {
      for (const round of ['one', 'two', 'three']) {
        const { visible, whole } = await killWriterIn(join(directory, round), compiled.path);
        expect(whole).toBe(visible);
      }
    } finally {
      await compiled.dispose();
    }
  });
});

async function fillUp(directory: string): Promise<unknown> {
  const store = createFileObjectStore({ directory });
  await store.open({ signal });
  const large = Buffer.alloc(8 * 1024 * 1024, 'x');
  const failure = await store
    .putIfAbsent(key, large, options(large.toString()))
    .catch((error: unknown) => error);
  expect(await list(store, '')).toEqual([]);
  expect(await readdir(join(directory, '.incomplete'))).toEqual([]);
  expect(await put(store, 'small')).toBe('created');
  return failure;
}

async function writeToFullDevice(): Promise<unknown> {
  const thrown: unknown = await writeFile('/dev/full', 'x').catch((error: unknown) => error);
  return fileSystemError(thrown, { doing: 'write', path: '/dev/full', signal });
}

/** Kills a writer while it writes, and counts what can be seen of its work, and how much of that is whole. */
async function killWriterIn(directory: string, writer: string): Promise<{ visible: number; whole: number }> {
  const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let reported = 0;
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => (reported = Number(line)));
  try {
    await vi.waitFor(
      async () => {
        expect(reported).toBeGreaterThan(0);
        expect(await incompleteBytes(directory)).toBeGreaterThan(0);
      },
      { timeout: 60_000, interval: 1 },
    );
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
  const store = createFileObjectStore({ directory });
  const visible = await list(store, 'organization=acme/');
  expect(visible.length).toBeGreaterThanOrEqual(reported);
  let whole = 0;
  for (let number = 1; number <= visible.length; number += 1) {
    const object = await store.get(endlessKey(number), { bytesMax: 1e9, signal });
    if (object?.bytes.equals(endlessObject(number)) === true) whole += 1;
  }
  return { visible: visible.length, whole };
}

async function incompleteBytes(directory: string): Promise<number> {
  const folder = join(directory, '.incomplete');
  let bytes = 0;
  for (const name of await readdir(folder)) {
    // It may have got its real name by now.
    bytes += await stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}

function put(store: ObjectStore, text: string): Promise<'created' | 'exists'> {
  return store.putIfAbsent(key, Buffer.from(text), options(text));
}

function options(text: string): Parameters<ObjectStore['putIfAbsent']>[2] {
  return { sha256: createHash('sha256').update(text).digest(), contentType: 'text/plain', signal };
}

async function list(store: ObjectStore, folder: string): Promise<ListedObject[]> {
  const listed: ListedObject[] = [];
  for await (const object of store.list(folder, { signal })) listed.push(object);
  return listed;
}
