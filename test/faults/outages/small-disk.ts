/** A disk so small that a test can fill it. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mountSmallFileSystem } from '../../helpers/small-file-system.ts';

export interface SmallDisk {
  /** Leaves no byte. */
  fill(): Promise<void>;
  free(): Promise<void>;
  unmount(): Promise<void>;
}

const blockBytes = 4096;

/** Undefined where this user may not mount. */
export async function mountSmallDisk(directory: string, mebibytes: number): Promise<SmallDisk | undefined> {
  await mkdir(directory, { recursive: true });
  const unmount = await mountSmallFileSystem(directory, mebibytes);
  if (unmount === undefined) return undefined;
  const ballast = join(directory, '.ballast');
  return {
    fill: async () => {
      for (let bytes = 1024 * 1024; bytes >= blockBytes; bytes /= 2) {
        while (await appends(ballast, bytes));
      }
    },
    free: () => rm(ballast, { force: true }),
    unmount,
  };
}

async function appends(file: string, bytes: number): Promise<boolean> {
  try {
    await writeFile(file, Buffer.alloc(bytes, 1), { flag: 'a' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
