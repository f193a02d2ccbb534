/**
 * A compiled file for a thread or a process of its own, by its path in the build, such as `src/database/pglite-worker.js`. A
 * test runner that runs the sources finds it where the build puts it.
 */
export function compiledFile(path: string): URL {
  const isSource = import.meta.url.endsWith('.ts');
  return new URL(isSource ? `../dist/${path}` : `../${path}`, import.meta.url);
}
