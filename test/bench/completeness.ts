/** Whether everything that was asked for has its number. */
import type { Results } from './results.ts';

/** A sentence for each thing that is missing; a peer that can't be had here is said to be absent and is not missing. */
export function incomplete(results: Results, isAskedFor: (question: keyof Results) => boolean): string[] {
  const { throughput = [], boundary = [] } = results;
  const unanswered = (
    ['throughput', 'boundary', 'idle', 'startup', 'freshness', 'parallel', 'verify'] as const
  ).filter((question) => isAskedFor(question) && (results[question] ?? []).length === 0);
  return [
    ...unanswered.map((question) => `Nothing was measured of: ${question}.`),
    ...throughput.flatMap(({ title, entries, failure, seconds, peakMegabytes }) => {
      const what = `${title} with ${entries} entries`;
      if (failure !== undefined) return [`${what} failed: ${failure}`];
      return [...seconds, ...peakMegabytes].every(Number.isFinite)
        ? []
        : [`${what} has a number that is none.`];
    }),
    ...boundary.flatMap(({ title, case: name, failure }) =>
      failure === undefined ? [] : [`${title} could not be compared in the case ${name}: ${failure}`],
    ),
  ];
}
