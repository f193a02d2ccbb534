/** What was measured, as files of JSON: one for each question, written after each measurement, so that a run can go on later. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BoundaryResult } from './boundary-run.ts';
import type { FreshnessResult } from './freshness.ts';
import type { IdleResult } from './idle.ts';
import type { Machine } from './machine.ts';
import type { ParallelBackfillResult } from './parallel-backfill.ts';
import type { StartupResult } from './startup.ts';
import type { VerifyResult } from './verify.ts';

export type Group = 'exporter' | 'limit' | 'peer';

/** One subject at one number of entries. */
export interface ThroughputRow {
  readonly subject: string;
  readonly title: string;
  readonly group: Group;
  /** Where the entries went: `files`, `postgres`, …; rows with one target are compared. */
  readonly target: string;
  readonly entries: number;
  /** One of each for every run. */
  readonly seconds: readonly number[];
  readonly cpuSeconds: readonly number[];
  /** Zero where it is not known. */
  readonly peakMegabytes: readonly number[];
  readonly note: string;
  /** Why there is no number. */
  readonly failure?: string;
}

export interface BoundaryRow {
  readonly participant: string;
  readonly title: string;
  readonly versions: string;
  readonly output: string;
  readonly case: string;
  readonly result?: BoundaryResult;
  readonly failure?: string;
}

export interface Results {
  machine?: Machine;
  throughput?: readonly ThroughputRow[];
  boundary?: readonly BoundaryRow[];
  peers?: readonly PeerRow[];
  idle?: readonly IdleResult[];
  startup?: readonly StartupResult[];
  freshness?: readonly FreshnessResult[];
  parallel?: readonly ParallelBackfillResult[];
  verify?: readonly VerifyResult[];
}

export interface PeerRow {
  readonly name: string;
  readonly title: string;
  readonly versions: string;
  readonly absent?: string;
  readonly form: Readonly<Record<string, string>>;
  readonly missing: string;
}

export const questions = [
  'machine',
  'throughput',
  'boundary',
  'peers',
  'idle',
  'startup',
  'freshness',
  'parallel',
  'verify',
] as const;

export async function readResults(folder: string): Promise<Results> {
  const results: Record<string, unknown> = {};
  for (const question of questions) {
    const text = await readIfThere(path.join(folder, `${question}.json`));
    if (text !== undefined) results[question] = JSON.parse(text);
  }
  return results;
}

export async function writeResult<Question extends keyof Results>(
  folder: string,
  question: Question,
  result: Results[Question],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `${question}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
