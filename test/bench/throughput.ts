/** Measures subjects in turns: the first run of each, then the second of each, so that a slow minute meets them all. */
import { withoutPaths } from './plain-words.ts';
import type { ThroughputRow } from './results.ts';
import type { Stage, Subject } from './subject.ts';

export interface ThroughputOptions {
  readonly stage: Stage;
  readonly subjects: readonly Subject[];
  readonly runs: number;
  /** What is known already; a row with enough runs is not measured again. */
  readonly known: readonly ThroughputRow[];
  /** Nothing new is begun once it says so. */
  readonly isTimeUp: () => boolean;
  onRow(row: ThroughputRow): Promise<void>;
  onStart(title: string): void;
}

export async function measureThroughput(options: ThroughputOptions): Promise<void> {
  const { stage, subjects, runs } = options;
  const { entries } = stage.standIn;
  const rows = new Map(
    options.known.filter((row) => row.entries === entries).map((row) => [row.subject, row] as const),
  );
  for (let run = 1; run <= runs; run += 1) {
    for (const subject of subjects) {
      const known = rows.get(subject.name);
      if (options.isTimeUp()) return;
      if (known !== undefined && (known.failure !== undefined || known.seconds.length >= run)) continue;
      options.onStart(`${subject.title}, ${entries.toLocaleString('en-US')} entries, run ${run} of ${runs}`);
      const row = await measureOnce(subject, stage, known);
      rows.set(subject.name, row);
      await options.onRow(row);
    }
  }
}

async function measureOnce(
  subject: Subject,
  stage: Stage,
  known: ThroughputRow | undefined,
): Promise<ThroughputRow> {
  const { title, group, target, note } = subject;
  const empty: ThroughputRow = {
    subject: subject.name,
    title,
    group,
    target,
    note,
    entries: stage.standIn.entries,
    seconds: [],
    cpuSeconds: [],
    peakMegabytes: [],
  };
  const before = known ?? empty;
  try {
    const { seconds, cpuSeconds, peakMegabytes } = await subject.measure(stage);
    return {
      ...before,
      seconds: [...before.seconds, round(seconds)],
      cpuSeconds: [...before.cpuSeconds, round(cpuSeconds)],
      peakMegabytes: [...before.peakMegabytes, peakMegabytes],
    };
  } catch (error) {
    return { ...before, failure: withoutPaths(error instanceof Error ? error.message : String(error)) };
  }
}

function round(seconds: number): number {
  return Number(seconds.toFixed(3));
}
