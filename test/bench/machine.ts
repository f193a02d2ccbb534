/** The machine that numbers come from. */
import os from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  readonly system: string;
  readonly node: string;
  readonly postgres: string;
  readonly postgresSettings: string;
  readonly objectStore: string;
  readonly measuredAt: string;
  /** Processes that wanted a core when it began, over one minute; measured on a busy machine, numbers are worth little. */
  readonly load: number;
}

export function describeMachine(parts: {
  readonly postgres: string;
  readonly postgresSettings: string;
  readonly objectStore: string;
}): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGigabytes: Math.round(os.totalmem() / 1024 ** 3),
    system: `${os.type()} ${os.release()}`,
    node: process.version,
    ...parts,
    measuredAt: new Date().toISOString(),
    load: Number((os.loadavg()[0] ?? 0).toFixed(1)),
  };
}
