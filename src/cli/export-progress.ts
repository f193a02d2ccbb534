/** What an export tells the person who waits for it: how much was delivered, and how far in time the past was read. */
import type { Exporter } from '../exporter/exporter.ts';
import { beginningOfTime } from '../ledger/coverage.ts';
import type { Nanos } from '../time.ts';
import type { CliContext } from './context.ts';
import { createProgress } from './progress.ts';

export interface ExportProgress {
  /** A sink that will be fed: the slowest one is what the bar shows. */
  expect(organization: string, sink: string): void;
  readonly observer: Exporter['observer'];
  stop(): void;
}

export async function createExportProgress(
  context: CliContext,
  options: { readonly label: string; readonly isShown: boolean },
): Promise<ExportProgress> {
  const progress = await createProgress(
    { stderr: context.stderr, quiet: context.quiet || !options.isShown },
    { label: options.label, unit: 'entries' },
  );
  const reading = new Map<string, { first: Nanos; fraction: number }>();
  const delivered = new Map<string, number>();
  let read = 0;
  const report = (): void => {
    const fractions = [...reading.values()].map(({ fraction }) => fraction);
    const slowest = Math.min(read, ...delivered.values());
    const readFraction = fractions.length === 0 ? undefined : Math.min(...fractions);
    // A sink that lags keeps the bar from its end although everything was read.
    const fraction = readFraction === undefined || read === 0 ? undefined : (readFraction * slowest) / read;
    progress.report({ done: slowest, fraction });
  };
  return {
    expect: (organization, sink) => {
      delivered.set(`${organization} ${sink}`, 0);
    },
    stop: () => progress.stop(),
    observer: {
      entriesRead: () => undefined,
      appended: (_, result) => {
        read += result.added.length;
        report();
      },
      late: () => undefined,
      pastProgress: (organization, { at, from, to }) => {
        const known = reading.get(organization);
        const first = known?.first ?? (from <= beginningOfTime ? at : from);
        const fraction = to > first ? Math.min(1, Number(at - first) / Number(to - first)) : 1;
        reading.set(organization, { first, fraction: Math.max(known?.fraction ?? 0, fraction) });
      },
      delivered: ({ organization, sink }, { entries }) => {
        const place = `${organization} ${sink}`;
        delivered.set(place, (delivered.get(place) ?? 0) + entries);
        report();
      },
      parked: () => undefined,
      leaseHeld: () => undefined,
      failure: () => undefined,
      sweepSucceeded: () => undefined,
    },
  };
}

/** For commands that read and deliver nothing by themselves. */
export const silentExportObserver: Exporter['observer'] = {
  entriesRead: () => undefined,
  appended: () => undefined,
  late: () => undefined,
  pastProgress: () => undefined,
  delivered: () => undefined,
  parked: () => undefined,
  leaseHeld: () => undefined,
  failure: () => undefined,
  sweepSucceeded: () => undefined,
};
