/** What was to be reached, and whether it was. */
import type { Results } from '../results.ts';
import { median, ratio, rounded } from '../statistics.ts';
import { figures, find, limitOf, sizes, type Figure } from './figures.ts';

export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  /** Undefined: not measured. */
  readonly isReached: boolean | undefined;
}

export function targets(results: Results): Target[] {
  const all = figures(results);
  const [small = 0] = sizes(results);
  return [
    atLeast('into files, of the lower of download and COPY alone', 0.5, ofLimit(all, 'files', small)),
    atLeast('into PostgreSQL, of COPY into the sink’s table alone', 0.4, ofLimit(all, 'postgres', small)),
    atLeast(
      'into files, times the fastest peer',
      1,
      besidePeers(all, 'files', small, () => true),
    ),
    atLeast('into files, times the fastest Python peer', 3, besidePeers(all, 'files', small, isPython)),
    atLeast(
      'into PostgreSQL, times the fastest peer',
      1,
      besidePeers(all, 'postgres', small, () => true),
    ),
    atLeast(
      'into PostgreSQL, times the fastest Python peer',
      3,
      besidePeers(all, 'postgres', small, isPython),
    ),
    ...parallelTargets(results),
    ...memoryTargets(results, all),
    idleTarget(results),
    startupTarget(results),
  ];
}

function isPython(figure: Figure): boolean {
  return !figure.row.subject.startsWith('redpanda');
}

function ofLimit(all: readonly Figure[], subject: string, entries: number): number | undefined {
  const figure = find(all, subject, entries);
  if (figure === undefined) return undefined;
  const value = figure.perSecond / limitOf(all, figure);
  return Number.isNaN(value) ? undefined : value;
}

function besidePeers(
  all: readonly Figure[],
  target: string,
  entries: number,
  isMeant: (figure: Figure) => boolean,
): number | undefined {
  const own = find(all, target, entries);
  const peers = all.filter(
    (figure) => figure.row.group === 'peer' && figure.row.target === target && isMeant(figure),
  );
  if (own === undefined || peers.length === 0) return undefined;
  return own.perSecond / Math.max(...peers.map(({ perSecond }) => perSecond));
}

function parallelTargets({ parallel = [] }: Results): Target[] {
  return (['even', 'bursty', 'skewed'] as const).map((shape) => {
    const found = parallel.find((row) => row.shape === shape && row.latencyMs === 250);
    const max = shape === 'skewed' ? 1.5 : 1.15;
    return atMost(`--parallel 8 at 250 ms, ${shape} history, of pages ÷ 10 per second`, max, found?.ratio);
  });
}

/** Peaks of two runs of the same work differ by as much. */
const peakNoise = 1.05;

function memoryTargets(results: Results, all: readonly Figure[]): Target[] {
  const [small = 0, large] = sizes(results);
  return ['files', 'postgres', 's3', 'stdout', 'all'].flatMap((subject) => {
    const little = find(all, subject, small)?.peakMegabytes;
    const much = large === undefined ? undefined : find(all, subject, large)?.peakMegabytes;
    const isReached =
      much === undefined || little === undefined ? undefined : much < 200 && much <= little * peakNoise;
    const growth =
      little === undefined || much === undefined ? '' : `; ${ratio(much / little)} of the smaller size`;
    return {
      what: `memory beside an external PostgreSQL at the larger size, ${subject}`,
      wanted: 'under 200 MB, no higher than at the smaller size',
      measured: much === undefined ? 'not measured' : `${rounded(much)} MB${growth}`,
      isReached,
    };
  });
}

function idleTarget({ idle = [] }: Results): Target {
  const pages = idle.at(-1)?.pages;
  return {
    what: 'an idle sweep of the daemon',
    wanted: 'one request',
    measured: pages === undefined ? 'not measured' : ratio(pages),
    // Not nearly one: no sweep that finds nothing may cost a second request.
    isReached: pages === undefined ? undefined : pages <= 1,
  };
}

function startupTarget({ startup = [] }: Results): Target {
  const found = startup.find(({ words }) => words === '--help');
  const value = found === undefined ? undefined : median(found.milliseconds);
  return {
    what: '`--help`',
    wanted: 'under 200 ms',
    measured: value === undefined ? 'not measured' : `${rounded(value)} ms`,
    isReached: value === undefined ? undefined : value < 200,
  };
}

function atLeast(what: string, wanted: number, value: number | undefined): Target {
  const measured = value === undefined ? 'not measured' : ratio(value);
  return {
    what,
    wanted: `at least ${wanted}`,
    measured,
    isReached: value === undefined ? undefined : value >= wanted,
  };
}

function atMost(what: string, wanted: number, value: number | undefined): Target {
  const measured = value === undefined ? 'not measured' : ratio(value);
  return {
    what,
    wanted: `at most ${wanted}`,
    measured,
    isReached: value === undefined ? undefined : value <= wanted,
  };
}
