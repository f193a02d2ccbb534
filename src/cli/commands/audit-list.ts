import type { AuditEntry, CloudApi, SortOrder } from '../../cloud-api/index.ts';
import { UsageError } from '../../errors.ts';
import { formatTimestamp, parseTimestamp } from '../../time.ts';
import { parseMoment } from '../../../config/units.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { escapeJson } from '../escape.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printListing, write } from '../output.ts';
import { withCloudApi } from './cloud.ts';

const pageSizeMax = 1000;

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const count = input.wholeNumber('limit', { min: 1, max: 1_000_000 }) ?? 200;
  const startingFrom = readStart(input.text('starting-from'));
  const sortOrder: SortOrder = input.text('sort-order') === 'ASC' ? 'ASC' : 'DESC';
  const { entries, next } = await withCloudApi(context, input, (api) =>
    readEntries(api, { count, startingFrom, sortOrder, signal: context.signal }),
  );
  if (context.output === 'json') {
    await write(context, json(entries, next));
    return exitCodes.done;
  }
  await printListing(context, {
    rows: entries,
    columns: [
      { title: 'created_at', text: (entry) => field(entry, 'created_at') },
      { title: 'action', text: (entry) => field(entry, 'action') },
      { title: 'actor', text: actor },
      { title: 'cluster', text: (entry) => field(entry, 'cluster_name') },
      { title: 'ip_address', text: ipAddress },
      { title: 'error', text: (entry) => field(entry, 'error') },
      { title: 'id', text: (entry) => field(entry, 'id') },
    ],
    json: undefined,
    empty: 'No entries.',
  });
  return exitCodes.done;
}

interface Range {
  readonly count: number;
  readonly startingFrom: string | undefined;
  readonly sortOrder: SortOrder;
  readonly signal: AbortSignal;
}

/** The first `count` entries, and the position after the last page that was read. */
async function readEntries(
  api: CloudApi,
  { count, startingFrom, sortOrder, signal }: Range,
): Promise<{ readonly entries: readonly AuditEntry[]; readonly next: string | undefined }> {
  const entries: AuditEntry[] = [];
  let next: string | undefined;
  const pages = api.auditLogPages({
    ...(startingFrom === undefined ? {} : { startingFrom }),
    sortOrder,
    limit: Math.min(count, pageSizeMax),
    signal,
  });
  for await (const page of pages) {
    entries.push(...page.entries);
    next = page.nextStartingFrom;
    if (entries.length >= count) break;
  }
  // A page holds every entry of a timestamp, so it may be longer than asked for.
  return { entries: entries.slice(0, count), next };
}

/** What the API prints goes to it unchanged; an age or a date is turned into a timestamp. */
function readStart(text: string | undefined): string | undefined {
  if (text === undefined || parseTimestamp(text) !== undefined) return text;
  const moment = parseMoment(text, Date.now());
  if (moment !== undefined) return formatTimestamp(moment);
  throw new UsageError(
    `--starting-from must be a time such as 2024-01-31T00:00:00Z, a date or an age such as 90d, not "${text}".`,
    { code: 'option_invalid' },
  );
}

/** Entries verbatim, so that nothing is lost or put in another order. */
function json(entries: readonly AuditEntry[], next: string | undefined): string {
  const lines = entries.map((entry) => `    ${escapeJson(entry.raw.toString('utf8'))}`);
  const list = lines.length === 0 ? '[]' : `[\n${lines.join(',\n')}\n  ]`;
  return `{\n  "entries": ${list},\n  "next_starting_from": ${JSON.stringify(next ?? null)}\n}\n`;
}

function actor(entry: AuditEntry): string {
  return ['user_email', 'service_account_name', 'system_actor_name']
    .map((name) => field(entry, name))
    .filter((text) => text !== '')
    .join(', ');
}

function ipAddress({ fields: { metadata } }: AuditEntry): string {
  if (typeof metadata !== 'object' || metadata === null || !('ip_address' in metadata)) return '';
  return typeof metadata.ip_address === 'string' ? metadata.ip_address : '';
}

function field({ fields }: AuditEntry, name: string): string {
  const value = fields[name];
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
