// Writes CONFIGURATION.md from the schema; a test fails when the two differ.
import { writeFile } from 'node:fs/promises';
import { configurationPage } from '../dist/config/reference.js';

await writeFile(new URL('../CONFIGURATION.md', import.meta.url), configurationPage());
