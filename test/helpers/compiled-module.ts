/**
 * TypeScript modules for child processes: Node 20 can't run them as they are, so one module and what it imports are
 * compiled beside node_modules, from where packages resolve.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface CompiledModule {
  /** The JavaScript file to give to `node`. */
  readonly path: string;
  dispose(): Promise<void>;
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Compiles modules given by their paths from the root of the repository, e.g. `test/helpers/x.ts`; the first is the one to run. */
export async function compileModule(entry: string, ...others: string[]): Promise<CompiledModule> {
  const cache = join(root, 'node_modules/.cache');
  await mkdir(cache, { recursive: true });
  const outDir = await mkdtemp(join(cache, 'compiled-'));
  const config = join(outDir, 'tsconfig.json');
  const compilerOptions = { noEmit: false, noCheck: true, declaration: false, rootDir: root, outDir };
  const settings = {
    extends: relative(outDir, join(root, 'tsconfig.json')),
    compilerOptions: { ...compilerOptions, isolatedDeclarations: false },
    files: [entry, ...others].map((file) => relative(outDir, join(root, file))),
    include: [],
  };
  await writeFile(config, JSON.stringify(settings));
  await promisify(execFile)(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config]);
  return {
    path: join(outDir, entry.replace(/\.ts$/, '.js')),
    dispose: () => rm(outDir, { recursive: true, force: true }),
  };
}
