/** The measured part of BENCHMARKS.md. */
import type { Machine } from '../machine.ts';
import type { Results } from '../results.ts';
import type { Plot } from './plots.ts';
import { tables, type Table } from './tables.ts';

export const begin = '<!-- measured: everything between these two marks is written by `npm run bench` -->';
export const end = '<!-- end of what is measured -->';

/** Puts what was measured between the marks of a page; the page's own words stay. Throws where there are no marks. */
export function withMeasured(page: string, results: Results, plots: readonly Plot[]): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from)
    throw new Error('BENCHMARKS.md has lost the marks that the numbers stand between');
  return `${page.slice(0, from + begin.length)}\n\n${measured(results, plots)}\n\n${page.slice(to)}`;
}

export function measured(results: Results, plots: readonly Plot[]): string {
  const parts = [
    results.machine === undefined ? '' : machineLine(results.machine),
    ...tables(results).map(tableText),
  ];
  const pictures = plots.map(
    ({ name, title }) => `### ${title}\n\n![${title}](test/bench/plots/${name}.svg)`,
  );
  return [...parts, ...pictures].filter(Boolean).join('\n\n');
}

function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGigabytes, system, node, postgres, postgresSettings, objectStore, load } =
    machine;
  const day = machine.measuredAt.slice(0, 10);
  return `Measured on ${day} on ${cores} cores of ${cpu}, ${memoryGigabytes} GB of memory, ${system}; Node ${node}, PostgreSQL ${postgres} (${postgresSettings}), object store: ${objectStore}. Everything ran on this one machine, the stand-in of the API and the database too; its load at the beginning was ${load}.`;
}

function tableText({ title, head, rows }: Table): string {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`);
  return `### ${title}\n\n${lines.join('\n')}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
