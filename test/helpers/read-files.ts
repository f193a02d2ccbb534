import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Every file below a directory, named with slashes, with its bytes. */
export async function readFiles(directory: string): Promise<[name: string, bytes: Buffer][]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  return await Promise.all(
    found
      .filter((file) => file.isFile())
      .map(async (file): Promise<[string, Buffer]> => {
        const path = join(file.parentPath, file.name);
        return [relative(directory, path).replaceAll(sep, '/'), await readFile(path)];
      }),
  );
}
