/** Writes BENCHMARKS.md and its plots from what was measured. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Results } from '../results.ts';
import { withMeasured } from './markdown.ts';
import { plots, svg } from './plots.ts';

export async function writeReport(root: string, results: Results): Promise<void> {
  const folder = path.join(root, 'test/bench/plots');
  await mkdir(folder, { recursive: true });
  const drawn = plots(results);
  for (const plot of drawn) await writeFile(path.join(folder, `${plot.name}.svg`), `${await svg(plot)}\n`);
  const page = path.join(root, 'BENCHMARKS.md');
  await writeFile(page, withMeasured(await readFile(page, 'utf8'), results, drawn));
}
