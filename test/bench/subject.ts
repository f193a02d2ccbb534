/** What is measured for its throughput: the exporter with a store and sinks, a limit, or a peer. */
import type { BenchPostgres } from './bench-postgres.ts';
import type { ObjectStore } from './object-store.ts';
import type { Group } from './results.ts';
import type { SampleFiles } from './sample-files.ts';
import type { StandIn } from './stand-in-process.ts';

export interface Subject {
  readonly name: string;
  readonly title: string;
  readonly group: Group;
  readonly target: string;
  readonly note: string;
  /** Throws where the work was not done wholly. */
  measure(stage: Stage): Promise<Measured>;
}

export interface Stage {
  readonly standIn: StandIn;
  readonly postgres: BenchPostgres;
  readonly objectStore: ObjectStore;
  /** Made when first asked for. */
  samples(): Promise<SampleFiles>;
  readonly timeoutMs: number;
}

export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
}

/** No number is taken from a run that did not do its work. */
export function expectCount(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what} holds ${found} of ${wanted} entries`);
}
