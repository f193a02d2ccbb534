import { listOrganizations } from '../../ledger/organizations.ts';
import { listParked } from '../../ledger/parked.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printListing } from '../output.ts';
import { withStore } from './store-access.ts';

const entriesMax = 10_000;

export async function run(context: CliContext): Promise<ExitCode> {
  const found = await withStore(context, { command: 'parked list', looksOnly: true }, async ({ ledger }) => {
    const names = new Map((await listOrganizations(ledger)).map(({ id, name }) => [id, name]));
    const parked = await listParked(ledger, { limit: entriesMax + 1 });
    return parked.map((entry) => ({ ...entry, name: names.get(entry.organization) ?? '' }));
  });
  const rows = found.slice(0, entriesMax);
  await printListing(context, {
    rows,
    columns: [
      { title: 'organization', text: ({ name }) => name },
      { title: 'sink', text: ({ sink }) => sink },
      { title: 'sequence', text: ({ sequence }) => String(sequence), isNumber: true },
      { title: 'parked at', text: ({ parkedAt }) => parkedAt },
      { title: 'code', text: ({ code }) => code },
      { title: 'reason', text: ({ reason }) => reason },
    ],
    json: {
      parked: rows.map(({ name, sink, sequence, parkedAt, code, reason }) => ({
        organization: name,
        sink,
        sequence,
        parkedAt,
        code,
        reason,
      })),
      truncated: found.length > entriesMax,
    },
    empty: 'Nothing is parked.',
  });
  if (found.length > entriesMax) {
    note(
      { ...context, quiet: false },
      `There is more: only the first ${entriesMax} are shown. \`ccloud-audit query\` with the view "parked" shows the rest.`,
    );
  }
  return exitCodes.done;
}
