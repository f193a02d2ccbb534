/** Results on stdout: tables for people, JSON and CSV for programs. */
import type { CliContext } from './context.ts';
import { escapeForTerminal, escapeJson } from './escape.ts';

export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  readonly isNumber?: boolean;
}

export interface Listing<T> {
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  /** What `-o json` prints instead; its shape only grows. */
  readonly json: unknown;
  /** Said on stderr in place of a table without rows. */
  readonly empty: string;
}

/** Writes text to stdout and waits until it is taken, so that a slow reader slows us down. */
export function write(context: Pick<CliContext, 'stdout'>, text: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    context.stdout.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Says something to the person at the terminal; silent with --quiet. */
export function note(context: CliContext, text: string): void {
  if (!context.quiet) context.stderr.write(`${escapeForTerminal(text)}\n`);
}

export async function printListing<T>(context: CliContext, listing: Listing<T>): Promise<void> {
  switch (context.output) {
    case 'json':
      return printJson(context, listing.json);
    case 'csv':
      return write(context, csv(listing, context.stdout.isTTY));
    case 'table':
      if (listing.rows.length === 0) return note(context, listing.empty);
      return write(context, await table(listing, context.color.stdout));
    default:
      throw new Error(`unknown output format ${String(context.output satisfies never)}`);
  }
}

export function printJson(context: CliContext, value: unknown): Promise<void> {
  return write(context, `${escapeJson(JSON.stringify(value, null, 2))}\n`);
}

/** Columns without borders; control characters in values are shown as escapes. */
async function table<T>({ rows, columns }: Listing<T>, color: boolean): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const grid = new Table({
    // The library's own colours ask the process's environment; whether there are any was decided before.
    head: columns.map(({ title }) =>
      color ? `\u001b[1m${title.toUpperCase()}\u001b[22m` : title.toUpperCase(),
    ),
    chars: noBorders,
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    colAligns: columns.map(({ isNumber }) => (isNumber === true ? 'right' : 'left')),
  });
  grid.push(...rows.map((row) => columns.map(({ text }) => escapeForTerminal(text(row)))));
  const lines = grid.toString().split('\n');
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

const noBorders = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) =>
    side === 'mid'
      ? [
          ['mid', ''],
          ['middle', ''],
          ['left-mid', ''],
          ['mid-mid', ''],
          ['right-mid', ''],
        ]
      : [
          [side, ''],
          [`${side}-mid`, ''],
          [`${side}-left`, ''],
          [`${side}-right`, ''],
        ],
  ),
);

/** https://www.rfc-editor.org/rfc/rfc4180; values are exact unless they go to a terminal. */
function csv<T>({ rows, columns }: Listing<T>, isTerminal: boolean): string {
  const cell = (text: string): string => (isTerminal ? escapeForTerminal(text) : text);
  return [
    csvLine(columns.map(({ title }) => title)),
    ...rows.map((row) => csvLine(columns.map(({ text }) => cell(text(row))))),
  ].join('');
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
