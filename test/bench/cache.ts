/** Where what was installed for the benchmark stays, so that it is installed once. */
import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** `BENCH_CACHE`, else a folder for temporary files. */
export async function cacheFolder(): Promise<string> {
  const folder = process.env['BENCH_CACHE'] ?? path.join(os.tmpdir(), 'ccloud-audit-bench');
  await mkdir(folder, { recursive: true });
  return folder;
}
