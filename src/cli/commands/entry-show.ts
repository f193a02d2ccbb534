import { UsageError } from '../../errors.ts';
import { findEntry, type EntryPlace, type EntryRecord } from '../../ledger/entry-places.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Organization } from '../../ledger/organizations.ts';
import { entryKey } from '../../reader/page-entries.ts';
import { formatTimestamp } from '../../time.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { escapeForTerminal, escapeJson } from '../escape.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printJson, printListing, write } from '../output.ts';
import { organizationsNamed, withStore } from './store-access.ts';

interface FoundEntry {
  readonly organization: Organization;
  readonly entry: EntryRecord;
}

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const found = await withStore(context, { command: 'entry show', looksOnly: true }, ({ ledger }) =>
    findOnly(ledger, { id: input.required('id'), name: input.text('organization') }),
  );
  if (context.output === 'json') await printJson(context, toJson(found));
  else await printText(context, found);
  return exitCodes.done;
}

async function findOnly(
  ledger: Ledger,
  wanted: { readonly id: string; readonly name: string | undefined },
): Promise<FoundEntry> {
  const found: FoundEntry[] = [];
  for (const organization of await organizationsNamed(ledger, wanted.name)) {
    for (const key of keysOf(wanted.id)) {
      const entry = await findEntry(ledger, organization.id, key);
      if (entry !== undefined) found.push({ organization, entry });
    }
  }
  const [only, another] = found;
  if (only === undefined) {
    throw new UsageError(
      `The store holds no entry with the id "${wanted.id}"${wanted.name === undefined ? '' : ` of "${wanted.name}"`}. ` +
        'Ids are compared exactly, as the API prints them.',
      { code: 'entry_unknown' },
    );
  }
  if (another === undefined) return only;
  const names = found.map(({ organization }) => organization.name).join(', ');
  throw new UsageError(
    `Several organizations have an entry with this id: ${names}. Choose one with --organization.`,
    {
      code: 'organization_needed',
    },
  );
}

/** An entry without an id goes by the hash of its line, which sinks write as `sha256:…`. */
function keysOf(id: string): string[] {
  const hash = /^sha256:([0-9a-f]{64})$/.exec(id)?.[1];
  const keys = [entryKey(id, Buffer.alloc(0))];
  return hash === undefined ? keys : [...keys, entryKey(undefined, Buffer.from(hash, 'hex'))];
}

function toJson({ organization, entry }: FoundEntry): object {
  return {
    organization: organization.name,
    key: entry.key,
    sequence: entry.sequence,
    createdAt: formatTimestamp(entry.createdAt),
    appendedAt: entry.appendedAt ?? null,
    segment: entry.segment,
    sha256: entry.lineSha256.toString('hex'),
    contentSha256: entry.contentSha256.toString('hex'),
    raw: entry.raw?.toString('utf8') ?? null,
    changes: entry.changes.map((change) => ({
      seenAt: change.seenAt,
      sha256: change.lineSha256.toString('hex'),
      contentSha256: change.contentSha256.toString('hex'),
      raw: change.raw,
    })),
    sinks: entry.places.map((place) => ({
      sink: place.sink,
      type: place.type,
      destination: place.destination,
      state: place.state,
      object: place.object ?? null,
      reason: place.reason ?? null,
      retired: place.isRetired,
    })),
  };
}

async function printText(context: CliContext, { organization, entry }: FoundEntry): Promise<void> {
  const fields = [
    ['organization', organization.name],
    ['sequence', String(entry.sequence)],
    ['created at', formatTimestamp(entry.createdAt)],
    ['appended at', entry.appendedAt ?? 'pruned'],
    ['segment', String(entry.segment)],
    ['sha256', entry.lineSha256.toString('hex')],
    ['content sha256', entry.contentSha256.toString('hex')],
    ['changes seen', String(entry.changes.length)],
  ];
  const width = Math.max(...fields.map(([title]) => title?.length ?? 0)) + 2;
  const lines = fields.map(([title = '', text = '']) => `${title.padEnd(width)}${escapeForTerminal(text)}\n`);
  await write(context, `${lines.join('')}\n`);
  await printListing(context, {
    rows: entry.places,
    columns: [
      { title: 'sink', text: ({ sink }) => sink },
      { title: 'state', text: ({ state, isRetired }) => (isRetired ? `${state} (retired)` : state) },
      { title: 'where', text: placeOf },
    ],
    json: undefined,
    empty: 'No sink was ever added.',
  });
  await write(context, `\n${rawOf(entry)}\n`);
  for (const change of entry.changes) {
    await write(
      context,
      `\nSeen with other content at ${escapeForTerminal(change.seenAt)}:\n${escapeJson(change.raw)}\n`,
    );
  }
}

function placeOf({ destination, object, reason }: EntryPlace): string {
  return reason ?? (object === undefined ? destination : `${destination}: ${object}`);
}

/** The same JSON as the API sent, with what a terminal would obey written as escapes. */
function rawOf({ raw, places }: EntryRecord): string {
  if (raw !== undefined) return escapeJson(raw.toString('utf8'));
  const object = places.find((place) => place.object !== undefined);
  return `The raw text was pruned by store.retention${object === undefined ? '' : `; the sink "${escapeForTerminal(object.sink)}" holds it`}.`;
}
