import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DoubleIds, type DoubleId } from '../../../src/proof/verify/double-ids.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'double-ids-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function doublesOf(ids: DoubleIds): Promise<DoubleId[]> {
  const found: DoubleId[] = [];
  for await (const double of ids.doubles()) found.push(double);
  return found.toSorted((one, other) => one.sequence - other.sequence);
}

describe.each([
  ['in memory', 1024 ** 3, 0],
  ['in files', 1, 1],
] as const)('double ids %s', (_, memoryBytesMax, folders) => {
  test('are found wherever they stand, and nothing else is', async () => {
    const ids = new DoubleIds({ memoryBytesMax, folder });
    for (let sequence = 1; sequence <= 5000; sequence += 1) {
      ids.add(sequence % 1000 === 0 ? 'the same' : `id-${sequence}`, sequence);
      await ids.settle();
    }
    expect(await readdir(folder)).toHaveLength(folders);
    expect(await doublesOf(ids)).toEqual(
      [2000, 3000, 4000, 5000].map((sequence) => ({ firstSequence: 1000, sequence })),
    );
    await ids.close();
    await ids.close();
    expect(await readdir(folder)).toEqual([]);
  });
});

test('ids that come while files are written are not lost', async () => {
  const ids = new DoubleIds({ memoryBytesMax: 1, folder });
  const settling: Promise<void>[] = [];
  for (let sequence = 1; sequence <= 600; sequence += 1) {
    ids.add(`id-${sequence % 300}`, sequence);
    settling.push(ids.settle());
  }
  await Promise.all(settling);
  expect(await doublesOf(ids)).toHaveLength(300);
  await ids.close();
});

test('a folder without room ends the verification with a sentence', async () => {
  const ids = new DoubleIds({ memoryBytesMax: 1, folder: join(folder, 'missing') });
  ids.add('one', 1);
  await expect(ids.settle()).rejects.toMatchObject({ code: 'temporary_folder_unusable', kind: 'store' });
});
