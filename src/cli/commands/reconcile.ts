import { findingKinds, remarkKinds, type Finding } from '../../proof/reconcile/findings.ts';
import {
  differencesIn,
  reconcile,
  type Reconciliation,
  type ReconcileOptions,
} from '../../proof/reconcile/reconcile.ts';
import type { SinkComparison } from '../../proof/reconcile/sink-comparison.ts';
import { UsageError } from '../../errors.ts';
import { sinksOf, type ExporterOrganization } from '../../exporter/exporter.ts';
import { confirmIdentity } from '../../exporter/read-work.ts';
import { append } from '../../ledger/append.ts';
import type { Interval } from '../../ledger/coverage.ts';
import { underLease } from '../../ledger/operator-lease.ts';
import { findOrganization, unknownOrganization } from '../../ledger/organizations.ts';
import { formatTimestamp, nanosFromMs } from '../../time.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { withSession, type Session } from '../export-session.ts';
import { silentExportObserver } from '../export-progress.ts';
import { note, printListing } from '../output.ts';
import { createProgress, type Progress } from '../progress.ts';
import { checkSelection, readMoment, selected } from './backfill.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const range = readRange(input);
  const only = { ...selected(input, 'organization', 'organizations'), ...selected(input, 'sink', 'sinks') };
  const progress = await createProgress(context, { label: 'reconcile', unit: 'entries compared' });
  try {
    return await withSession(
      context,
      {
        command: 'reconcile',
        observer: silentExportObserver,
        onRequest: () => undefined,
        only,
        waitsForEver: false,
        create: false,
        onConfig: async (config) => checkSelection(config, only),
      },
      async (session) => {
        const results: Reconciliation[] = [];
        for (const organization of session.exporter.organizations) {
          results.push(
            await reconcileOne(context, session, {
              organization,
              range,
              isRepaired: input.isSet('repair'),
              progress,
            }),
          );
        }
        progress.stop();
        await print(context, results);
        return exitCodeOf(results);
      },
    );
  } finally {
    progress.stop();
  }
}

interface Task {
  readonly organization: ExporterOrganization;
  readonly range: Interval;
  readonly isRepaired: boolean;
  readonly progress: Progress;
}

async function reconcileOne(context: CliContext, session: Session, task: Task): Promise<Reconciliation> {
  const { exporter } = session;
  const { ledger } = exporter;
  const { name, source } = task.organization;
  if ((await findOrganization(ledger, name)) === undefined) throw unknownOrganization(name);
  const organization = await confirmIdentity(exporter, task.organization, context.signal);
  const options: ReconcileOptions = {
    ledger,
    organization,
    source,
    sinks: sinksOf(exporter, name).map(({ sink }) => sink),
    range: task.range,
    pageSize: exporter.settings.pageSize,
    repair: undefined,
    onProgress: reporter(task),
    logger: exporter.logger.child({ organization: name }),
    signal: context.signal,
  };
  if (!task.isRepaired) return await reconcile(options);
  // Taken before hours of reading, so that a refusal comes at once.
  const target = { work: 'read', organization: organization.id } as const;
  return await underLease(ledger, { target, organization: name }, async (lease) =>
    reconcile({
      ...options,
      signal: AbortSignal.any([context.signal, lease.signal]),
      repair: async (entries) => {
        const { added, changed } = await append(ledger, lease, { entries, move: { kind: 'none' } });
        return added.length + changed.length;
      },
    }),
  );
}

function reporter({ range, progress }: Task): ReconcileOptions['onProgress'] {
  const counts = new Map<string, number>();
  return ({ sink, entries, at }) => {
    counts.set(sink ?? '', entries);
    const done = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const isInside = at !== undefined && range.to > range.from && at > range.from;
    const fraction = isInside
      ? Math.min(1, Number(at - range.from) / Number(range.to - range.from))
      : undefined;
    progress.report({ done, fraction });
  };
}

function readRange(input: CommandInput): Interval {
  const now = Date.now();
  const from = readMoment(input, 'from', now);
  const to = readMoment(input, 'to', now) ?? nanosFromMs(now);
  if (from === undefined) {
    throw new UsageError('Say from when on to compare: --from 7d, or a date.', { code: 'option_missing' });
  }
  if (from < to) return { from, to };
  throw new UsageError(
    `--from (${formatTimestamp(from)}) must be before --to (${formatTimestamp(to)}). Nothing was compared.`,
    { code: 'range_empty' },
  );
}

function exitCodeOf(results: readonly Reconciliation[]): ExitCode {
  if (results.some((result) => differencesIn(result) > 0)) return exitCodes.findings;
  const isWhole = results.every(({ sinks }) => sinks.every(({ isUnavailable }) => !isUnavailable));
  return isWhole ? exitCodes.done : exitCodes.destination;
}

interface Line {
  readonly organization: string;
  readonly place: string;
  readonly finding: string;
  readonly count: number;
  readonly first: string;
}

async function print(context: CliContext, results: readonly Reconciliation[]): Promise<void> {
  await printListing(context, {
    rows: results.flatMap(linesOf),
    columns: [
      { title: 'organization', text: ({ organization }) => organization },
      { title: 'place', text: ({ place }) => place },
      { title: 'finding', text: ({ finding }) => finding },
      { title: 'entries', text: ({ count }) => count.toLocaleString('en-US'), isNumber: true },
      { title: 'the first of them', text: ({ first }) => first },
    ],
    json: { organizations: results.map(toJson) },
    empty: 'No differences.',
  });
  for (const result of results) for (const sentence of sentencesOf(result)) note(context, sentence);
}

const words: Readonly<Record<string, string>> = {
  missing: 'missing in the ledger',
  extra: 'not at the source any more',
  changed: 'changed at the source',
  unread: 'in time that was never read',
  drifted: 'other bytes, same content',
  recorded: 'changed, kept already',
  expired: 'expired at the source',
};

function linesOf(result: Reconciliation): Line[] {
  const { organization, sinks } = result;
  const line = (place: string, finding: string, { count, entries }: Finding): Line[] =>
    count === 0
      ? []
      : [
          {
            organization,
            place,
            finding,
            count,
            first: entries
              .slice(0, 3)
              .map(({ id }) => id)
              .join(', '),
          },
        ];
  return [
    ...[...findingKinds, ...remarkKinds].flatMap((kind) => line('ledger', words[kind] ?? kind, result[kind])),
    ...sinks.flatMap(({ sink, missing, altered }) => [
      ...line(`sink ${sink}`, 'missing', missing),
      ...line(`sink ${sink}`, 'altered', altered),
    ]),
  ];
}

function sentencesOf(result: Reconciliation): string[] {
  const { organization, from, to, isCut, atSource, repaired, sinks } = result;
  const range = `${formatTimestamp(from)} to ${formatTimestamp(to)}`;
  const cut = isCut ? ' (what is newer was not read yet)' : '';
  const left = differencesIn(result);
  const mended =
    repaired === 0 ? '' : ` ${number(repaired)} were repaired; sinks get them with the next delivery.`;
  const verdict = left === 0 ? 'no difference is left' : `${number(left)} differences`;
  const unread =
    result.unread.count === 0
      ? []
      : [
          `${organization}: ${number(result.unread.count)} entries lie in time that was never asked for; \`ccloud-audit backfill --from ${formatTimestamp(from)}\` reads it.`,
        ];
  return [
    `${organization}: ${range}${cut}: ${number(atSource)} entries at the source compared, ${verdict}.${mended}`,
    ...unread,
    ...sinks.map((sink) => `${organization}: ${sinkSentence(sink)}`),
  ];
}

function sinkSentence({ sink, compared, missing, altered, notCompared, advice }: SinkComparison): string {
  if (notCompared !== undefined) return `the sink "${sink}" was not compared. ${notCompared}`;
  const held = `of ${number(compared)} entries the sink "${sink}"`;
  if (compared === 0)
    return `the sink "${sink}" has acknowledged none of these entries yet, so there was nothing to compare.`;
  if (advice === undefined) return `${held} has acknowledged it holds all, unaltered.`;
  return `${held} lacks ${number(missing.count)} and holds ${number(altered.count)} altered. ${advice}`;
}

function toJson(result: Reconciliation): object {
  const { organization, from, to, isCut, atSource, repaired, sinks } = result;
  return {
    organization,
    from: formatTimestamp(from),
    to: formatTimestamp(to),
    isCut,
    atSource,
    differences: differencesIn(result),
    repaired,
    ...Object.fromEntries([...findingKinds, ...remarkKinds].map((kind) => [kind, findingJson(result[kind])])),
    sinks: sinks.map(({ sink, type, compared, notCompared, missing, altered, advice }) => ({
      sink,
      type,
      isCompared: notCompared === undefined,
      reason: notCompared ?? null,
      compared,
      missing: findingJson(missing),
      altered: findingJson(altered),
      advice: advice ?? null,
    })),
  };
}

function findingJson({ count, entries }: Finding): object {
  return {
    count,
    entries: entries.map(({ id, createdAt, sequence }) => ({
      id,
      createdAt: formatTimestamp(createdAt),
      sequence: sequence ?? null,
    })),
  };
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
