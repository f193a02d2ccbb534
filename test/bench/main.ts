/**
 * `npm run bench`: measures the exporter, its limits and its peers in one run on one machine, question by question, and
 * writes BENCHMARKS.md with its plots from what was measured.
 */
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { endOnSignals } from './cleanup.ts';
import { incomplete } from './completeness.ts';
import { measureQuestions } from './measure-questions.ts';
import { help, isAskedFor, readOptions } from './options.ts';
import { printTables } from './report/terminal.ts';
import { writeReport } from './report/write-report.ts';
import { readResults } from './results.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const options = readOptions(process.argv.slice(2));
const kept = path.join(root, 'test/bench/results');
const folder =
  options.results ?? (options.quick ? await mkdtemp(path.join(os.tmpdir(), 'bench-quick-')) : kept);

endOnSignals();
if (options.help) process.stdout.write(help);
else {
  if (!options.report) await measureQuestions(options, folder);
  const results = await readResults(folder);
  printTables(results);
  // A trial must not replace what was measured in earnest.
  if (path.resolve(folder) === path.resolve(kept)) await writeReport(root, results);
  const missing = incomplete(results, (question) => isAskedFor(options, question));
  for (const sentence of missing) process.stderr.write(`${sentence}\n`);
  if (missing.length > 0) process.exitCode = 1;
}
