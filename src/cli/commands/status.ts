import { existsSync } from 'node:fs';
import type { LoadedConfig } from '../../../config/load.ts';
import { askHolder } from '../../database/directory-lock.ts';
import { embeddedDirectory } from '../../database/open-database.ts';
import { ExporterError } from '../../errors.ts';
import { openStore } from '../../exporter/open-ledger.ts';
import { readStatus, statusOptionsOf, type OrganizationStatus, type Status } from '../../exporter/status.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { load, loggerOf } from '../load.ts';
import { printListing, type Column } from '../output.ts';

/** Its own store queries have deadlines; a holder that takes longer hangs. */
const holderTimeoutMs = 10_000;

/** Exit code 0 only if all is Running; 3 when an organization is not, 4 when only a sink is not. */
export async function run(context: CliContext): Promise<ExitCode> {
  const loaded = await load(context, { needsKey: false });
  const status = (await statusOfHolder(loaded)) ?? (await statusOfStore(context, loaded));
  await printListing(context, {
    rows: status.organizations.flatMap(rowsOf),
    columns,
    json: status,
    empty: 'The store knows no organization: nothing was exported with it yet.',
  });
  return exitCodeOf(status);
}

/** An embedded store in use can't be opened: whoever holds it tells. Undefined when nobody does. */
async function statusOfHolder({ config }: LoadedConfig): Promise<Status | undefined> {
  const directory = embeddedDirectory(config.store.url.reveal());
  if (directory === undefined || !existsSync(directory)) return undefined;
  const answer = await askHolder(directory, 'status', { timeoutMs: holderTimeoutMs });
  if (answer === undefined) return undefined;
  if (isStatus(answer)) return answer;
  throw unanswered(directory, answer);
}

async function statusOfStore(context: CliContext, loaded: LoadedConfig): Promise<Status> {
  const { config } = loaded;
  const store = await openStore({
    // Looking changes nothing: a store without tables is told about, not made into one.
    store: { ...config.store, migrate: false },
    leaseMs: config.leaseMs,
    logger: loggerOf(context, loaded),
    command: 'ccloud-audit status',
    create: false,
    signal: context.signal,
  });
  try {
    return await readStatus(store.ledger, statusOptionsOf(config));
  } finally {
    await store.close();
  }
}

/** Another release may have answered; what both know is enough. */
function isStatus(answer: unknown): answer is Status {
  if (typeof answer !== 'object' || answer === null) return false;
  return 'organizations' in answer && Array.isArray(answer.organizations) && 'state' in answer;
}

/** The holder has no status to tell (yet), or said why it can't. */
function unanswered(directory: string, answer: unknown): ExporterError {
  const fields = (typeof answer === 'object' ? answer : undefined) as Readonly<
    Record<string, unknown>
  > | null;
  const said = fields?.['error'];
  const command = fields?.['command'];
  const holder = typeof command === 'string' ? ` (${command})` : '';
  return new ExporterError(
    typeof said === 'string'
      ? `The process that holds the embedded store in ${directory} can't tell its status: ${said}`
      : `The embedded store in ${directory} is in use by a process${holder} that tells no status. Ask again when it has ended.`,
    { kind: 'held', code: 'store_held', retryable: true },
  );
}

function exitCodeOf({ organizations }: Status): ExitCode {
  if (organizations.length === 0 || organizations.some(({ state }) => state !== 'Running'))
    return exitCodes.source;
  const sinks = organizations.flatMap((organization) => organization.sinks);
  return sinks.every(({ state }) => state === 'Running') ? exitCodes.done : exitCodes.destination;
}

interface StatusRow {
  readonly organization: string;
  readonly sink: string;
  readonly state: string;
  /** The checkpoint of an organization, the offset of a sink. */
  readonly position: string;
  readonly entries: string;
  readonly lastSuccess: string;
  readonly sentence: string;
}

const columns: readonly Column<StatusRow>[] = [
  { title: 'organization', text: ({ organization }) => organization },
  { title: 'sink', text: ({ sink }) => sink },
  { title: 'state', text: ({ state }) => state },
  { title: 'position', text: ({ position }) => position },
  { title: 'lag', text: ({ entries }) => entries, isNumber: true },
  { title: 'last success', text: ({ lastSuccess }) => lastSuccess },
  { title: 'in words', text: ({ sentence }) => sentence },
];

/** The organization, then its sinks. */
function rowsOf(organization: OrganizationStatus): StatusRow[] {
  const { name, state, sentence, checkpoint, lastSuccessAt, sinks } = organization;
  return [
    {
      organization: name,
      sink: '',
      state,
      position: checkpoint ?? '',
      entries: '',
      lastSuccess: toSecond(lastSuccessAt),
      sentence,
    },
    ...sinks.map((sink) => ({
      organization: name,
      sink: sink.name,
      state: sink.state,
      position: sink.offset === null ? '' : `${sink.offset} of ${organization.head}`,
      entries: String(sink.lagEntries),
      lastSuccess: toSecond(sink.lastSuccessAt),
      sentence: sink.sentence,
    })),
  ];
}

function toSecond(time: string | null): string {
  return time === null ? '' : time.replace(/\.\d+Z$/, 'Z');
}
