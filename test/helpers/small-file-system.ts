import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Mounts a file system of 1 MiB, or so many, on a directory and returns what unmounts it; undefined where this user may not mount.
 */
export async function mountSmallFileSystem(
  directory: string,
  mebibytes = 1,
): Promise<(() => Promise<void>) | undefined> {
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', directory]);
  } catch (error) {
    // `mount` ran and refused; without the program itself there is nothing to say either.
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
  return async () => {
    await run('umount', [directory]);
  };
}
