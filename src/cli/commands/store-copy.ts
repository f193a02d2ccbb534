import { readFile } from 'node:fs/promises';
import { openPostgres } from '../../database/postgres.ts';
import { parsePostgresUrl } from '../../database/postgres-url.ts';
import { UsageError } from '../../errors.ts';
import type { CopiedStore } from '../../ledger/copy-check.ts';
import { copyStore } from '../../ledger/copy-store.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printListing } from '../output.ts';
import { withStore } from './store-access.ts';

const connectTimeoutMs = 10_000;
const connectionsMax = 2;

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const url = await readUrl(input);
  await withStore(context, { command: 'store copy', looksOnly: false }, async ({ ledger }) => {
    const { signal } = context;
    const target = await openPostgres({
      url,
      applicationName: 'ccloud-audit-export',
      connectTimeoutMs,
      poolMax: connectionsMax,
      signal,
    });
    try {
      note(context, `Copying from ${ledger.database.fingerprint} to ${target.fingerprint}.`);
      const copied = await copyStore(ledger, { target, signal });
      await print(context, copied);
      note(
        context,
        `The store at ${ledger.database.fingerprint} was copied to the schema "${ledger.schema}" at ${target.fingerprint}. Set store.url ` +
          'in the configuration to the new one and start from there. The old store is as it was; never run the exporter with it again, ' +
          'since both have the same ledger id and would write to the same sinks. The table of a postgres sink without a URL of its own ' +
          'stays in the old database: run "ccloud-audit sink retire NAME" for it, and the new store fills a new one.',
      );
    } finally {
      await target.close();
    }
  });
  return exitCodes.done;
}

/** From the command line without a password, since others on the machine can see it there; else from a file. */
async function readUrl(input: CommandInput): Promise<string> {
  const argument = input.argument('to-url');
  const file = input.text('url-file');
  if ((argument === undefined) === (file === undefined)) {
    throw new UsageError('Say where to copy to: either as a URL, or with --url-file FILE.', {
      code: 'target_needed',
    });
  }
  if (file !== undefined) return await readUrlFile(file);
  const url = argument ?? '';
  if (parsePostgresUrl(url).password === undefined) return url;
  throw new UsageError(
    'The URL holds a password, and a command line can be seen by everybody on this machine. ' +
      'Leave it out and set PGPASSWORD, or put the URL into a file and name it with --url-file FILE.',
    { code: 'password_in_arguments' },
  );
}

async function readUrlFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new UsageError(`The file ${file}, named by --url-file, can't be read.`, { cause: error });
  }
}

async function print(context: CliContext, copied: CopiedStore): Promise<void> {
  await printListing(context, {
    rows: copied.heads,
    columns: [
      { title: 'organization', text: ({ organization }) => organization },
      { title: 'entries', text: ({ head }) => String(head), isNumber: true },
    ],
    json: { organizations: copied.heads, tables: copied.tables },
    empty: 'The store knows no organization; its tables were copied all the same.',
  });
}
