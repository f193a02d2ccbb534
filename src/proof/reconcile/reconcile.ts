/**
 * Reconciling one organization: a range of its log is read from the API again and compared with the ledger, and the
 * ledger with every sink. Nothing is changed, unless what is missing is to be repaired: it is then appended as late
 * entries under the organization's lease, no position moves, and the sinks get it as they get everything.
 */
import type { Sink } from '../../../sinks/sink.ts';
import type { AuditSource } from '../../cloud-api/audit-page.ts';
import { idOf } from '../../ledger/entry-id.ts';
import { ExporterError, UsageError } from '../../errors.ts';
import { union, type Interval } from '../../ledger/coverage.ts';
import { writeJournal } from '../../ledger/journal.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Organization } from '../../ledger/organizations.ts';
import { readTimeBlocks } from '../../ledger/rows-by-time.ts';
import { readSegmentFrom } from '../../ledger/segments.ts';
import { readCoverage } from '../../ledger/stretches.ts';
import type { Logger } from '../../logger.ts';
import type { PageEntry } from '../../reader/page-entries.ts';
import { formatTimestamp, minNanos, type Nanos } from '../../time.ts';
import { findingKinds, type Finding, type FindingKind, type RemarkKind } from './findings.ts';
import { compareWithSink, type SinkComparison } from './sink-comparison.ts';
import { compareWithSource } from './source-comparison.ts';

export interface ReconcileOptions {
  readonly ledger: Ledger;
  readonly organization: Organization;
  readonly source: AuditSource;
  readonly sinks: readonly Sink[];
  readonly range: Interval;
  /** What the reader asks for; another size is used here. */
  readonly pageSize: number;
  /** Appends what is missing, under the organization's lease, and keeps what is changed; undefined: nothing is repaired. */
  readonly repair: ((entries: readonly PageEntry[]) => Promise<number>) | undefined;
  readonly onProgress: (progress: ReconcileProgress) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface ReconcileProgress {
  /** Undefined: the API. */
  readonly sink: string | undefined;
  /** Compared so far in this part. */
  readonly entries: number;
  /** How far in time; undefined for sinks. */
  readonly at: Nanos | undefined;
}

export interface Reconciliation extends Readonly<Record<FindingKind | RemarkKind, Finding>> {
  readonly organization: string;
  /** What was compared: the range, at most up to where the tail was read. */
  readonly from: Nanos;
  readonly to: Nanos;
  /** Whether the range asked for goes beyond what the tail has read. */
  readonly isCut: boolean;
  /** Entries that the API has in the range. */
  readonly atSource: number;
  /** Missing entries that were appended, and changed ones whose other content was kept. */
  readonly repaired: number;
  readonly sinks: readonly SinkComparison[];
}

/** Throws a UsageError where nothing of the range was read yet, and the errors of the API and the store. */
export async function reconcile(options: ReconcileOptions): Promise<Reconciliation> {
  const { ledger, organization, signal, logger } = options;
  const { range, covered } = await readRange(options);
  const blocks = await readTimeBlocks(ledger, organization.id, range);
  const { atSource, repaired, collected } = await compareWithSource({
    ledger,
    organization: organization.id,
    source: options.source,
    blocks,
    range,
    covered,
    pageSize: options.pageSize,
    repair: options.repair,
    onProgress: ({ entries, at }) => options.onProgress({ sink: undefined, entries, at }),
    logger,
    signal,
  });
  const sinks: SinkComparison[] = [];
  for (const sink of options.sinks) {
    let entries = 0;
    const onProgress = (more: number): void =>
      options.onProgress({ sink: sink.name, entries: (entries += more), at: undefined });
    const compared = await compareWithSink({
      ledger,
      organization,
      sink,
      blocks,
      range,
      onProgress,
      signal,
    });
    sinks.push({
      ...compared,
      missing: await withIds(ledger, organization.id, compared.missing),
      altered: await withIds(ledger, organization.id, compared.altered),
    });
  }
  const reconciliation: Reconciliation = {
    organization: organization.name,
    ...range,
    isCut: range.to < options.range.to,
    atSource,
    repaired,
    sinks,
    missing: collected.missing.finding(),
    extra: await withIds(ledger, organization.id, collected.extra.finding()),
    changed: collected.changed.finding(),
    unread: collected.unread.finding(),
    drifted: collected.drifted.finding(),
    recorded: collected.recorded.finding(),
    expired: await withIds(ledger, organization.id, collected.expired.finding()),
  };
  await writeJournal(ledger, {
    what: 'reconciled',
    organization: organization.id,
    detail: summaryOf(reconciliation),
  });
  return reconciliation;
}

/** How much was found and not repaired: differences with the API, and with the sinks. */
export function differencesIn(reconciliation: Reconciliation): number {
  const atSource = findingKinds.reduce((sum, kind) => sum + reconciliation[kind].count, 0);
  const atSinks = reconciliation.sinks.reduce(
    (sum, { missing, altered }) => sum + missing.count + altered.count,
    0,
  );
  return atSource - reconciliation.repaired + atSinks;
}

/** Plain data without entries, for the journal and the log. */
export function summaryOf(reconciliation: Reconciliation): Readonly<Record<string, unknown>> {
  const { from, to, atSource, repaired, sinks } = reconciliation;
  const counts = Object.fromEntries(
    ([...findingKinds, 'drifted', 'recorded', 'expired'] as const).map((kind) => [
      kind,
      reconciliation[kind].count,
    ]),
  );
  return {
    from: formatTimestamp(from),
    to: formatTimestamp(to),
    atSource,
    ...counts,
    repaired,
    sinks: sinks.map(({ sink, compared, missing, altered, notCompared }) => ({
      sink,
      compared,
      missing: missing.count,
      altered: altered.count,
      ...(notCompared === undefined ? {} : { isCompared: false }),
    })),
  };
}

/** Up to where the tail has read: what is newer will still come. */
async function readRange(
  options: ReconcileOptions,
): Promise<{ readonly range: Interval; readonly covered: readonly Interval[] }> {
  const { ledger, organization } = options;
  const { boundary, tailCoveredTo } = organization;
  const { from } = options.range;
  if (boundary === undefined || tailCoveredTo === undefined || tailCoveredTo <= from) {
    const upTo = tailCoveredTo === undefined ? '' : `, only up to ${formatTimestamp(tailCoveredTo)}`;
    throw new UsageError(
      `The log of "${organization.name}" was not read from ${formatTimestamp(from)} on yet${upTo}, so there is nothing to compare. ` +
        'Run `ccloud-audit backfill` first, or choose an earlier range.',
      { code: 'range_not_read' },
    );
  }
  const tail = { from: boundary, to: tailCoveredTo };
  return {
    range: { from, to: minNanos(options.range.to, tailCoveredTo) },
    covered: union([...(await readCoverage(ledger, organization.id)), tail]),
  };
}

/** The API's ids of entries of which only the ledger's key is known, where their text is still there. */
async function withIds(ledger: Ledger, organization: number, finding: Finding): Promise<Finding> {
  const entries = [];
  for (const entry of finding.entries) {
    if (entry.sequence === undefined) {
      entries.push(entry);
      continue;
    }
    try {
      const text = (await readSegmentFrom(ledger, organization, entry.sequence))?.entries[0];
      entries.push(text === undefined ? entry : { ...entry, id: idOf(text) });
    } catch (error) {
      if (!(error instanceof ExporterError && error.code === 'segment_missing')) throw error;
      entries.push(entry);
    }
  }
  return { count: finding.count, entries };
}
