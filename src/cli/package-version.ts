import { readFileSync } from 'node:fs';

/** The version of this package, from its own package.json, which is beside the program since the package was made. */
export function packageVersion(): string {
  // From the sources and from `dist/` alike, the nearest one upward is ours.
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      const { version } = JSON.parse(text) as { readonly version: string };
      return version;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return 'unknown';
}
