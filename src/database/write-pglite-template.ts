/** The last step of the build: packs what initdb makes, unless that stands there already for this version of PGlite. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { packNewDatabase } from './pglite-engine.ts';
import { templateFolder, templateName, templatesIn } from './pglite-template.ts';

async function engineVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const manifest: unknown = JSON.parse(
    await readFile(path.join(path.dirname(entry), '../package.json'), 'utf8'),
  );
  return String((manifest as { readonly version: unknown }).version);
}

const folder = templateFolder();
const wanted = templateName(await engineVersion());
const present = await templatesIn(folder);
for (const name of present) if (name !== wanted) await rm(path.join(folder, name));
if (!present.includes(wanted)) {
  const unfinished = path.join(folder, `${wanted}.new`);
  await writeFile(unfinished, await packNewDatabase());
  await rename(unfinished, path.join(folder, wanted));
}
// The runtime of PGlite keeps handles open that would hold the process.
process.exit(0);
