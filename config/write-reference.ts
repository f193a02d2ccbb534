/** Writes CONFIGURATION.md from the schema; with --check it only says whether the two differ, as a test does too. */
import { readFile, writeFile } from 'node:fs/promises';
import { configurationPage } from './reference.ts';

// Built, this file is two folders below the page.
const page = new URL('../../CONFIGURATION.md', import.meta.url);

if (!process.argv.includes('--check')) {
  await writeFile(page, configurationPage());
} else if ((await readFile(page, 'utf8')) !== configurationPage()) {
  process.stderr.write('CONFIGURATION.md is not what the schema says; run `npm run docs:configuration`.\n');
  process.exitCode = 1;
}
