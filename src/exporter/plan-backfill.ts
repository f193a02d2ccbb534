/** What a backfill would do, without doing it: `--dry-run`. The key is tried; no entry is read or written. */
import { beginningOfTime, endOfTime, missing, type Interval } from '../ledger/coverage.ts';
import { findDelivery } from '../ledger/deliveries.ts';
import { findOrganization } from '../ledger/organizations.ts';
import { readCoverage, readStretches } from '../ledger/stretches.ts';
import { formatTimestamp, nanosFromMs, parseTimestamp, type Nanos } from '../time.ts';
import { sinksOf, type Exporter, type ExporterOrganization } from './exporter.ts';
import type { BackfillRange } from './one-shot.ts';

export interface BackfillPlan {
  readonly organization: string;
  /** RFC 3339; `beginning` where it is the log's own. */
  readonly toRead: readonly { readonly from: string; readonly to: string }[];
  readonly head: number;
  readonly sinks: readonly { readonly sink: string; readonly offset: number; readonly lag: number }[];
}

export async function planBackfill(
  exporter: Exporter,
  range: BackfillRange,
  signal: AbortSignal,
): Promise<BackfillPlan[]> {
  return await Promise.all(
    exporter.organizations.map((organization) => planFor(exporter, organization, { range, signal })),
  );
}

async function planFor(
  exporter: Exporter,
  configured: ExporterOrganization,
  task: { readonly range: BackfillRange; readonly signal: AbortSignal },
): Promise<BackfillPlan> {
  // The smallest page shows whether key and role would do.
  await configured.source.auditLogPage({
    sortOrder: 'DESC',
    limit: 1,
    priority: 'bulk',
    signal: task.signal,
  });
  const known = await findOrganization(exporter.ledger, configured.name);
  const from = task.range.from ?? known?.startFrom ?? configured.startFrom ?? beginningOfTime;
  const demand: Interval = { from, to: task.range.to };
  if (known === undefined) {
    const sinks = sinksOf(exporter, configured.name).map(({ sink }) => ({
      sink: sink.name,
      offset: 0,
      lag: 0,
    }));
    return { organization: configured.name, toRead: [describe(demand)], head: 0, sinks };
  }
  const unread = missing(demand, [
    ...(await readCoverage(exporter.ledger, known.id)),
    ...(known.boundary === undefined
      ? []
      : [{ from: known.boundary, to: known.tailCoveredTo ?? known.boundary }]),
  ]);
  const unfinished = await readStretches(exporter.ledger, known.id);
  const head = known.nextSequence - 1;
  const absorbing = sinksOf(exporter, configured.name).filter(
    ({ sink }) => sink.capabilities.repeats === 'absorbed',
  );
  const sinks = await Promise.all(
    // What prints its whole range each time is never behind.
    absorbing.map(async ({ sink }) => {
      const offset = (await findDelivery(exporter.ledger, known.id, sink.name))?.offset ?? 0;
      return { sink: sink.name, offset, lag: head - offset };
    }),
  );
  return {
    organization: configured.name,
    toRead: unread.map((part) => describe({ from: resumed(part, unfinished), to: part.to })),
    head,
    sinks,
  };
}

/** An unfinished stretch goes on at its checkpoint. */
function resumed(
  part: Interval,
  stretches: readonly (Interval & { readonly checkpoint: string | undefined })[],
): Nanos {
  const stretch = stretches.find(({ from, to }) => from <= part.from && part.from < to);
  const checkpoint = stretch?.checkpoint === undefined ? undefined : parseTimestamp(stretch.checkpoint);
  return checkpoint !== undefined && checkpoint > part.from ? checkpoint : part.from;
}

function describe({ from, to }: Interval): { from: string; to: string } {
  return {
    from: from <= beginningOfTime ? 'beginning' : formatTimestamp(from),
    to: to >= endOfTime ? formatTimestamp(nanosFromMs(Date.now())) : formatTimestamp(to),
  };
}
