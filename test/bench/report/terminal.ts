import CliTable from 'cli-table3';
import type { Results } from '../results.ts';
import { tables } from './tables.ts';

export function printTables(results: Results): void {
  for (const { title, head, rows } of tables(results)) {
    const table = new CliTable({ head: [...head], style: { head: [], border: [] }, wordWrap: true });
    table.push(...rows.map((row) => [...row]));
    process.stdout.write(`\n${title}\n${table.toString()}\n`);
  }
}
