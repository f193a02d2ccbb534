import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWriter } from '../../src/archive/file-writer.ts';
import { compiledFile } from '../../src/compiled-file.ts';

const { signal } = new AbortController();

describe('the thread that writes files', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'file-writer-'));
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  function file(name: string): { path: string; incomplete: string } {
    return { path: join(root, 'here', name), incomplete: join(root, '.incomplete', `${name}.part`) };
  }

  it('writes files of every size, those that were asked for at the same time too', async () => {
    const writer = new FileWriter(root);
    const sizes = [0, 1, 1000, 1_048_576, 1_048_577, 2_097_152, 9_000_000, 7, 300_000];
    const contents = sizes.map((size, index) => Buffer.alloc(size, `${index}.`));
    const outcomes = await Promise.all(
      contents.map((bytes, index) => writer.write(file(`${index}`), bytes, { signal })),
    );
    expect(outcomes).toEqual(sizes.map(() => 'created'));
    for (const [index, bytes] of contents.entries())
      expect((await readFile(file(`${index}`).path)).equals(bytes)).toBe(true);
    expect(await readdir(join(root, '.incomplete'))).toEqual([]);
    await writer.close();
  });

  it('says what the file system said, and writes the next', async () => {
    const writer = new FileWriter(root);
    await writer.write(file('a'), Buffer.from('x'), { signal });
    const below = { ...file('b'), path: join(root, 'here/a/b') };
    for (const bytes of [1, 3_000_000]) {
      await expect(writer.write(below, Buffer.alloc(bytes, 'x'), { signal })).rejects.toMatchObject({
        code: 'EEXIST',
      });
      expect(await readdir(join(root, '.incomplete'))).toEqual([]);
    }
    const held = { path: join(root, 'here', 'a'), revision: 'another' };
    const large = Buffer.alloc(3_000_000, 'x');
    expect(await writer.write({ ...file('c'), held }, large, { signal })).toBe('altered');
    expect(await writer.write(file('a'), Buffer.from('y'), { signal })).toBe('exists');
    expect(await readdir(join(root, '.incomplete'))).toEqual([]);
    await writer.close();
  });

  it('writes nothing for a signal that was aborted while others were written', async () => {
    const writer = new FileWriter(root);
    const stopping = new AbortController();
    const first = writer.write(file('first'), Buffer.alloc(1_000_000), { signal });
    const second = writer.write(file('second'), Buffer.from('x'), { signal: stopping.signal });
    stopping.abort(new Error('enough'));
    const [done, stopped] = await Promise.allSettled([first, second]);
    expect(done).toEqual({ status: 'fulfilled', value: 'created' });
    expect(stopped).toEqual({ status: 'rejected', reason: new Error('enough') });
    expect(await readdir(join(root, 'here'))).toEqual(['first']);
    await writer.close();
  });

  it('may be tried again where it stopped by itself, and another takes its place', async () => {
    const stops = [
      "import { parentPort } from 'node:worker_threads';",
      "parentPort.on('message', ({ kind }) => {",
      "  if (kind !== 'directory') process.exit(3);",
      "  if (kind === 'directory') parentPort.postMessage({ outcome: 'created' });",
      '});',
    ].join('\n');
    const writer = new FileWriter(root, new URL(`data:text/javascript,${encodeURIComponent(stops)}`));
    for (const [name, bytes] of [
      ['a', 1],
      ['b', 3_000_000],
    ] as const) {
      await writer.makeDirectory(root);
      await expect(writer.write(file(name), Buffer.alloc(bytes, 'x'), { signal })).rejects.toMatchObject({
        code: 'file_writer_lost',
        retryable: true,
      });
    }
    await writer.close();
  });

  it('loses only what was asked of it where it can’t be started, and gives every file its own bytes', async () => {
    // As without file descriptors: it fails as it loads, and tells of it twice, as an error and as its end.
    const real = compiledFile('src/archive/file-writer-thread.js').href;
    const once = [
      "import { existsSync, writeFileSync } from 'node:fs';",
      `const mark = ${JSON.stringify(join(root, 'mark'))};`,
      "if (!existsSync(mark)) { writeFileSync(mark, ''); throw new Error('EMFILE'); }",
      `await import(${JSON.stringify(real)});`,
    ].join('\n');
    const writer = new FileWriter(root, new URL(`data:text/javascript,${encodeURIComponent(once)}`));
    const names = ['a', 'b', 'c', 'd', 'e'];
    const contents = names.map((name, index) => Buffer.alloc(900_000 + 400_000 * index, name));
    const outcomes = await Promise.allSettled(
      contents.map(async (bytes, index) => {
        const { path, ...rest } = file(names[index] ?? '');
        expect(await writer.write({ path, ...rest }, bytes, { signal })).toBe('created');
        return (await readFile(path)).equals(bytes);
      }),
    );
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'file_writer_lost', retryable: true } },
      ...names.slice(1).map(() => ({ status: 'fulfilled', value: true })),
    ]);
    await writer.close();
  });

  it('is waited for when it is closed, and needs not be started', async () => {
    await new FileWriter(root).close();
    const writer = new FileWriter(root);
    const writing = writer.write(file('last'), Buffer.alloc(3_000_000), { signal });
    await writer.close();
    expect(await writing).toBe('created');
  });
});
