import type { Config } from '../../../config/config.ts';
import { parseDuration, parseMoment } from '../../../config/units.ts';
import { UsageError } from '../../errors.ts';
import { runBackfill, type BackfillRange, type OneShotResult } from '../../exporter/one-shot.ts';
import { sinksOf } from '../../exporter/exporter.ts';
import { planBackfill, type BackfillPlan } from '../../exporter/plan-backfill.ts';
import { countParkedOf } from '../parked-count.ts';
import { formatTimestamp, nanosFromMs, type Nanos } from '../../time.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { createExportProgress, type ExportProgress } from '../export-progress.ts';
import { withSession, type Session } from '../export-session.ts';
import { startMonitor } from '../monitor.ts';
import { note, printListing } from '../output.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const range = readRange(input);
  const giveUpAfterMs = readGiveUp(input);
  const only = { ...selected(input, 'organization', 'organizations'), ...selected(input, 'sink', 'sinks') };
  const isDryRun = input.isSet('dry-run');
  const monitor = startMonitor();
  const progress = await createExportProgress(context, { label: 'backfill', isShown: !isDryRun });
  try {
    return await withSession(
      context,
      {
        command: 'backfill',
        observer: progress.observer,
        onRequest: () => undefined,
        onStore: (store) => monitor.watch(store),
        status: () => monitor.status(),
        only,
        waitsForEver: false,
        onConfig: async (config) => checkSelection(config, only),
      },
      async (session) => {
        if (isDryRun)
          return await showPlan(context, await planBackfill(session.exporter, range, context.signal));
        expectSinks(progress, session);
        const results = await runBackfill(session.exporter, range, { signal: context.signal, giveUpAfterMs });
        progress.stop();
        return await summarize(context, session, results);
      },
    );
  } finally {
    progress.stop();
  }
}

function expectSinks(progress: ExportProgress, { exporter }: Session): void {
  for (const { name } of exporter.organizations) {
    for (const { sink } of sinksOf(exporter, name)) {
      if (sink.capabilities.repeats === 'absorbed') progress.expect(name, sink.name);
    }
  }
}

async function summarize(
  context: CliContext,
  session: Session,
  results: readonly OneShotResult[],
): Promise<ExitCode> {
  for (const { organization, head, added, printed } of results) {
    const shown = printed > 0 ? `, ${count(printed)} printed` : '';
    note(
      context,
      `${organization}: ${count(added)} new entries, ${count(head)} in the ledger${shown}; ${whoHolds(session)} them.`,
    );
  }
  const parked = await countParkedOf(session.exporter);
  if (parked === 0) return exitCodes.done;
  note(
    context,
    `${count(parked)} entries are parked: a sink can't take them. "ccloud-audit parked list" says why.`,
  );
  return exitCodes.parked;
}

async function showPlan(context: CliContext, plans: readonly BackfillPlan[]): Promise<ExitCode> {
  await printListing(context, {
    rows: plans,
    columns: [
      { title: 'organization', text: (plan) => plan.organization },
      {
        title: 'to read',
        text: (plan) => plan.toRead.map(({ from, to }) => `${from} – ${to}`).join(', ') || 'nothing',
      },
      { title: 'in the ledger', text: (plan) => count(plan.head), isNumber: true },
      {
        title: 'sinks behind',
        text: (plan) =>
          plan.sinks
            .filter(({ lag }) => lag > 0)
            .map(({ sink, lag }) => `${sink} by ${count(lag)}`)
            .join(', ') || 'none',
      },
    ],
    json: { organizations: plans },
    empty: 'No organizations.',
  });
  return exitCodes.done;
}

/** With `--sink`, only those that were named were waited for. */
function whoHolds({ config, exporter }: Session): string {
  const names = exporter.sinks.map(({ sink }) => sink.name);
  if (names.length === config.sinks.length)
    return names.length === 0 ? 'the store holds' : 'every sink holds';
  return names.length === 1 ? `the sink ${names[0] ?? ''} holds` : `the sinks ${names.join(', ')} hold`;
}

/** At a quarter of a second for an answer, four readers use up the vendor's ten requests a second. */
const parallelDefault = 4;

function readRange(input: CommandInput): BackfillRange {
  const now = Date.now();
  const from = readMoment(input, 'from', now);
  const to = readMoment(input, 'to', now) ?? nanosFromMs(now);
  if (from !== undefined && from >= to) {
    throw new UsageError(
      `--from (${formatTimestamp(from)}) must be before --to (${formatTimestamp(to)}). Nothing was read.`,
      { code: 'range_empty' },
    );
  }
  return { from, to, parallel: input.wholeNumber('parallel', { min: 1, max: 32 }) ?? parallelDefault };
}

/** A time, a date or an age; undefined where the option was not given. */
export function readMoment(input: CommandInput, option: string, now: number): Nanos | undefined {
  const text = input.text(option);
  if (text === undefined) return undefined;
  const moment = parseMoment(text, now);
  if (moment !== undefined) return moment;
  throw new UsageError(
    `--${option} must be a time such as 2024-01-31T00:00:00Z, a date such as 2024-01-31, or an age such as 90d, not "${text}".`,
    { code: 'option_invalid' },
  );
}

/** `--give-up-after`, in milliseconds. */
export function readGiveUp(input: CommandInput): number {
  const text = input.text('give-up-after') ?? '2m';
  const duration = parseDuration(text);
  if (duration !== undefined && duration > 0) return duration;
  throw new UsageError(`--give-up-after must be a duration such as 2m, not "${text}".`, {
    code: 'option_invalid',
  });
}

/** What a repeatable option names, under the key that the session wants; nothing: all. */
export function selected<Key extends string>(
  input: CommandInput,
  option: string,
  key: Key,
): Partial<Record<Key, readonly string[]>> {
  const names = input.list(option);
  const selection: Partial<Record<Key, readonly string[]>> = {};
  if (names.length > 0) selection[key] = names;
  return selection;
}

/** Throws a UsageError for names that are not in the configuration. */
export function checkSelection(
  config: Config,
  only: { readonly organizations?: readonly string[]; readonly sinks?: readonly string[] },
): void {
  checkNames('--organization', only.organizations, config.organizations);
  checkNames('--sink', only.sinks, config.sinks);
}

function checkNames(
  option: string,
  names: readonly string[] | undefined,
  known: readonly { readonly name: string }[],
): void {
  for (const name of names ?? []) {
    if (known.some((item) => item.name === name)) continue;
    const choices = known.map((item) => item.name).join(', ') || 'none';
    throw new UsageError(`${option} ${name} is not in the configuration; it has: ${choices}.`, {
      code: 'option_invalid',
    });
  }
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
