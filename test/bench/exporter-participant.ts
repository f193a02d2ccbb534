/** The exporter itself, in the same races as its peers. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { program } from './exporter-run.ts';
import { entryLines, entryRows, linesUnder } from './peers/held-entries.ts';
import type { Installed, PeerJob } from './peers/peer.ts';

const table = 'audit.entries';

export const exporter: Installed = {
  versions: 'this build',
  command: (job) => {
    const config = path.join(job.stateDirectory, 'config.json');
    mkdirSync(job.outputDirectory, { recursive: true });
    writeFileSync(config, JSON.stringify(configuration(job)), { mode: 0o600 });
    return {
      program: process.execPath,
      words: [program, 'run', '--once', '-c', config],
      cwd: job.stateDirectory,
    };
  },
  held: (job) =>
    job.output === 'postgres'
      ? entryRows(job.databaseUrl, table)
      : entryLines(linesUnder(job.outputDirectory, /entries\/.*\.jsonl\.gz$/)),
};

function configuration(job: PeerJob): object {
  return {
    api: { url: job.apiUrl, requestsPerSecond: 1000 },
    organizations: [{ name: 'bench', apiKey: job.apiKey }],
    store: { url: job.databaseUrl },
    sinks: [
      job.output === 'postgres'
        ? { name: 'warehouse', type: 'postgres', table }
        : { name: 'disk', type: 'file', directory: job.outputDirectory },
    ],
    log: { level: 'warn' },
  };
}
