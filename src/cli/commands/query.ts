import { queryReadOnly, type QueryOutcome } from '../../ledger/read-only-query.ts';
import type { Row, SqlValue } from '../../database/database.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printListing } from '../output.ts';
import { withStore } from './store-access.ts';

/** Nobody reads more on a terminal. */
const terminalRowsMax = 1000;
const rowsMax = 100_000;
const bytesMax = 64 * 1024 * 1024;

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const isForPeople = context.output === 'table' && context.stdout.isTTY;
  const limit = input.wholeNumber('limit', { min: 1, max: 10_000_000 });
  const outcome = await withStore(context, { command: 'query', looksOnly: true }, (store) =>
    queryReadOnly({ database: store.database, schema: store.ledger.schema }, input.required('sql'), {
      rowsMax: limit ?? (isForPeople ? terminalRowsMax : rowsMax),
      bytesMax,
      signal: context.signal,
    }),
  );
  await printListing(context, {
    rows: outcome.rows,
    columns: outcome.columns.map((title) => ({ title, text: (row: Row) => textOf(row[title] ?? null) })),
    json: {
      columns: outcome.columns,
      rows: outcome.rows.map((row) => jsonOf(row)),
      truncated: outcome.cutAt !== undefined,
    },
    empty: 'No rows.',
  });
  tellCut(context, outcome);
  return exitCodes.done;
}

/** Said even with --quiet: a part must not pass for the whole. */
function tellCut(context: CliContext, { cutAt, rows }: QueryOutcome): void {
  if (cutAt === undefined) return;
  const most = cutAt === 'rows' ? 'raise --limit' : 'choose fewer columns';
  note(
    { ...context, quiet: false },
    `There is more: only the first ${rows.length} rows are shown. Narrow the statement, or ${most}.`,
  );
}

function textOf(value: SqlValue): string {
  if (value === null) return '';
  return Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : String(value);
}

/** Integers of 64 bits stay text, as PostgreSQL printed them, so that none is rounded. */
function jsonOf(row: Row): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, Buffer.isBuffer(value) ? textOf(value) : value]),
  );
}
