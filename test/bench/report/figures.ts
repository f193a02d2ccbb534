/** What the tables, the plots and the targets are made of; the medians of what was measured. */
import type { Results, ThroughputRow } from '../results.ts';
import { median } from '../statistics.ts';

export interface Figure {
  readonly row: ThroughputRow;
  /** Median. */
  readonly seconds: number;
  readonly perSecond: number;
  readonly peakMegabytes: number;
  /** The slowest and the fastest run. */
  readonly perSecondRange: readonly [number, number];
}

/** In the order in which they were measured; those that failed are left out. */
export function figures(results: Results): Figure[] {
  return (results.throughput ?? []).flatMap((row) => {
    if (row.seconds.length === 0) return [];
    const seconds = median(row.seconds);
    const speeds = row.seconds.map((value) => row.entries / value);
    return {
      row,
      seconds,
      perSecond: row.entries / seconds,
      peakMegabytes: median(row.peakMegabytes),
      perSecondRange: [Math.min(...speeds), Math.max(...speeds)] as const,
    };
  });
}

/** The sizes that were measured, the smaller first. */
export function sizes(results: Results): number[] {
  const found = new Set((results.throughput ?? []).map(({ entries }) => entries));
  return [...found].toSorted((a, b) => a - b);
}

export function find(all: readonly Figure[], subject: string, entries: number): Figure | undefined {
  return all.find(({ row }) => row.subject === subject && row.entries === entries);
}

/** Entries per second of the lower of the two limits of a sink that keeps raw lines. */
export function lowerLimit(all: readonly Figure[], entries: number): number {
  const limits = ['download', 'copy-plain'].map((name) => find(all, name, entries)?.perSecond ?? Number.NaN);
  return Math.min(...limits);
}

/** The limit that a subject is held against: another one for the table with all its columns. */
export function limitOf(all: readonly Figure[], figure: Figure): number {
  const { target, entries } = figure.row;
  if (target === 'postgres') return find(all, 'copy-sink', entries)?.perSecond ?? Number.NaN;
  return lowerLimit(all, entries);
}
