/** Reconciling inside the daemon: the last days on a schedule, told by log, journal and metrics. */
import {
  sinksOf,
  type Exporter,
  type ReconcilingWork,
  type ScheduledReconciling,
} from '../../exporter/exporter.ts';
import { findOrganization } from '../../ledger/organizations.ts';
import { maxNanos, nanos, nanosFromMs } from '../../time.ts';
import { findingKinds } from './findings.ts';
import { differencesIn, reconcile, summaryOf, type Reconciliation } from './reconcile.ts';

export interface ReconcileSchedule {
  /** A cron expression in UTC. */
  readonly schedule: string;
  readonly windowMs: number;
  readonly repair: boolean;
}

export function scheduledReconciling(settings: ReconcileSchedule): ScheduledReconciling {
  return {
    schedule: settings.schedule,
    run: (work, signal) => reconcileLastDays(work, settings, signal),
  };
}

async function reconcileLastDays(
  work: ReconcilingWork,
  settings: ReconcileSchedule,
  signal: AbortSignal,
): Promise<void> {
  const { exporter, source } = work;
  const logger = exporter.logger.child({ organization: work.organization });
  const organization = await findOrganization(exporter.ledger, work.organization);
  const readTo = organization?.tailCoveredTo;
  if (organization === undefined || readTo === undefined) return;
  // The last overlap may still get late entries, which the tail itself looks for.
  const to = nanos(readTo - BigInt(exporter.settings.overlapMs) * 1_000_000n);
  const from = maxNanos(
    nanos(nanosFromMs(Date.now()) - BigInt(settings.windowMs) * 1_000_000n),
    organization.startFrom,
  );
  if (from >= to) return;
  const result = await reconcile({
    ledger: exporter.ledger,
    organization,
    source,
    sinks: sinksOf(exporter, organization.name).map(({ sink }) => sink),
    range: { from, to },
    pageSize: exporter.settings.pageSize,
    repair: settings.repair ? work.repair : undefined,
    onProgress: () => undefined,
    logger,
    signal,
  });
  tell(exporter, result);
  const differences = differencesIn(result);
  if (differences > 0) logger.warn({ differences, ...summaryOf(result) }, 'reconciled, differences found');
  else logger.info(summaryOf(result), 'reconciled');
}

/** Sinks' differences have kinds of their own, so that an alert can tell the two apart. */
function tell(exporter: Exporter, result: Reconciliation): void {
  const counts: Record<string, number> = {};
  for (const kind of findingKinds) counts[kind] = result[kind].count;
  counts['missing_at_sink'] = result.sinks.reduce((sum, { missing }) => sum + missing.count, 0);
  counts['altered_at_sink'] = result.sinks.reduce((sum, { altered }) => sum + altered.count, 0);
  exporter.observer.reconciled?.(result.organization, counts);
}
