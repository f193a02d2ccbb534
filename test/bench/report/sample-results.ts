import type { Group, Results, ThroughputRow } from '../results.ts';

export function row(
  subject: string,
  group: Group,
  target: string,
  seconds: readonly number[],
): ThroughputRow {
  const measured = { seconds, cpuSeconds: seconds, peakMegabytes: seconds.map(() => 150) };
  return {
    subject,
    title: `title of ${subject}`,
    group,
    target,
    entries: 1000,
    note: `how ${subject}`,
    ...measured,
  };
}

const comparison = {
  expected: 100,
  held: 100,
  lost: 0,
  doubled: 0,
  foreign: 0,
  altered: 0,
  requests: 3,
  said: '',
};
const participant = { participant: 'x', title: 'X', versions: 'x 1', output: 'jsonl' };

/** Made up; the tests of the report know its ratios. */
export const sampleResults: Results = {
  machine: {
    cpu: 'A Processor',
    cores: 2,
    memoryGigabytes: 24,
    system: 'Linux 1',
    node: 'v20.20.0',
    postgres: '18.4',
    postgresSettings: 'fsync on',
    objectStore: 'a store',
    measuredAt: '2026-01-02T03:04:05.000Z',
    load: 0.1,
  },
  throughput: [
    row('files', 'exporter', 'files', [5, 4, 9]),
    row('postgres', 'exporter', 'postgres', [10]),
    row('download', 'limit', 'download', [1]),
    row('copy-plain', 'limit', 'copy-plain', [2]),
    row('copy-sink', 'limit', 'copy-sink', [5]),
    row('redpanda-jsonl', 'peer', 'files', [2.5]),
    row('dlt-jsonl', 'peer', 'files', [20]),
    { ...row('grove-jsonl', 'peer', 'files', []), failure: 'it ended with 1' },
  ],
  boundary: [
    { ...participant, case: 'plain', result: { ...comparison, runs: ['ok'] } },
    { ...participant, case: 'late', result: { ...comparison, lost: 1, runs: ['ok', 'ok'] } },
    {
      ...participant,
      case: 'inclusive',
      result: { ...comparison, lost: 100, held: 0, runs: ['did not end'] },
    },
    { ...participant, case: 'killed', result: { ...comparison, doubled: 9, runs: ['killed', 'ok'] } },
  ],
  peers: [
    { name: 'x', title: 'X', versions: 'x 1', form: {}, missing: 'much' },
    { name: 'y', title: 'Y', versions: '', absent: 'there is no go', form: {}, missing: '' },
  ],
  idle: [{ what: 'the daemon', pages: 1, others: 0, seconds: 1 }],
  startup: [{ words: '--help', milliseconds: [180, 190, 500], peakMegabytes: [50, 50, 50] }],
  verify: [
    {
      entries: 1000,
      objects: 10,
      digests: 1,
      storedBytes: 100,
      rawBytes: 1048576,
      seconds: [1, 2, 9],
      cpuSeconds: [1, 2, 9],
      peakMegabytes: [100, 101, 102],
    },
  ],
  freshness: [{ sink: 'stdout', milliseconds: [10, 500, 990] }],
  parallel: [
    {
      latencyMs: 250,
      shape: 'even',
      parallel: 8,
      entries: 1000,
      pages: 10,
      idealSeconds: 1,
      seconds: 1.2,
      requests: 11,
      ratio: 1.2,
    },
  ],
};
