/** What `npm run bench` can be told. */
import { parseArgs } from 'node:util';

export const help = `npm run bench -- [options]

  --only A,B      subjects (files, postgres, s3, stdout, all, ledger, embedded-files, …, download, copy-sink, copy-plain,
                  gzip, dlt-jsonl, …), groups (exporter, limits, peers) or questions (throughput, boundary, idle,
                  startup, freshness, parallel, verify)
  --entries N     entries of the smaller size (default 200,000)
  --large N       entries of the larger size, run once each (default 1,000,000; 0: leave it out)
  --runs N        runs at the smaller size, of which the median counts (default 3)
  --minutes N     begins nothing new after so many minutes; running it again goes on from there
  --no-peers      without the peers
  --quick         all of it, small, in a few minutes: shows that it works, its numbers mean nothing
  --again         measure again what the results folder has already
  --results DIR   where results are kept (default test/bench/results)
  --report        measure nothing, write BENCHMARKS.md and the plots from the results
`;

export interface BenchOptions {
  readonly only: readonly string[];
  readonly entries: number;
  readonly large: number;
  readonly runs: number;
  /** Undefined: as long as it takes. */
  readonly minutes: number | undefined;
  readonly peers: boolean;
  readonly quick: boolean;
  readonly again: boolean;
  readonly results: string | undefined;
  readonly report: boolean;
  readonly help: boolean;
}

export function readOptions(words: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...words],
    allowNegative: true,
    options: {
      only: { type: 'string' },
      entries: { type: 'string' },
      large: { type: 'string' },
      runs: { type: 'string' },
      minutes: { type: 'string' },
      peers: { type: 'boolean', default: true },
      quick: { type: 'boolean', default: false },
      again: { type: 'boolean', default: false },
      results: { type: 'string' },
      report: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, peers, again, results, report } = values;
  return {
    quick,
    peers,
    again,
    results,
    report,
    help: values.help,
    only: values.only?.split(',') ?? [],
    entries: count(values.entries, quick ? 3000 : 200_000),
    large: count(values.large, quick ? 0 : 1_000_000),
    minutes: values.minutes === undefined ? undefined : count(values.minutes, 0),
    runs: count(values.runs, quick ? 1 : 3),
  };
}

function count(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text.replaceAll(/[_,]/g, ''));
  if (!Number.isInteger(value) || value < 0) throw new Error(`"${text}" is not a number of things`);
  return value;
}

/** Whether a question was chosen as a whole; without `--only` all are. */
export function isAskedFor({ only }: BenchOptions, question: string): boolean {
  return only.length === 0 || only.includes(question);
}
