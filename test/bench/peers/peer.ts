/** Another tool on the same work, set up as its own documentation says. */
import type { Command } from '../measured-process.ts';

export const outputs = ['jsonl', 'postgres'] as const;
export type Output = (typeof outputs)[number];

export interface PeerJob {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly output: Output;
  /** Set where the output is PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** Where it keeps how far it is; kept between its runs. */
  readonly stateDirectory: string;
  readonly outputDirectory: string;
  /** Counts up with each run of the job, for tools whose output is one file a run. */
  readonly run: number;
}

/** An entry that a peer holds: its id, and its text where it keeps one. */
export interface HeldEntry {
  readonly id: string;
  readonly text?: string;
}

export interface Peer {
  readonly name: string;
  /** For the report. */
  readonly title: string;
  readonly outputs: readonly Output[];
  /** Its output's form and durability, in a few words. */
  readonly form: Readonly<Partial<Record<Output, string>>>;
  /** What it can't do at all here. */
  readonly missing: string;
  /** Installs it once; says which versions there are, or why there is none. */
  install(): Promise<Installed | Absent>;
}

export interface Installed {
  readonly versions: string;
  command(job: PeerJob): Command;
  /** What has to happen after a run that ended well, as a platform around it would do. */
  afterRun?(job: PeerJob): Promise<void>;
  held(job: PeerJob): AsyncIterable<HeldEntry>;
}

export interface Absent {
  readonly absent: string;
}

export function isAbsent(result: Installed | Absent): result is Absent {
  return 'absent' in result;
}
