import { chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const nobody = 65_534;

/** Runs something as a user whom permissions hold back: root, as tests run in containers, may read everything. */
export async function withoutPrivileges<T>(body: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await body();
  process.seteuid?.(nobody);
  try {
    return await body();
  } finally {
    process.seteuid?.(0);
  }
}

/** Gives a directory and all in it to the user of `withoutPrivileges`. */
export async function giveAway(directory: string): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  await chown(directory, nobody, nobody);
  for (const child of await readdir(directory, { recursive: true, withFileTypes: true }))
    await chown(join(child.parentPath, child.name), nobody, nobody);
}
