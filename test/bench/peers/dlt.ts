import path from 'node:path';
import { entryLines, entryRows, linesUnder } from './held-entries.ts';
import type { Peer } from './peer.ts';
import { peerFile, pythonEnvironment, pythonVersion } from './python-environment.ts';

export const dlt: Peer = {
  name: 'dlt',
  title: 'dlt',
  outputs: ['jsonl', 'postgres'],
  form: { jsonl: 'gzipped JSONL, fields renamed', postgres: 'a column a field, merge by id' },
  missing: 'the exact text of an entry; what turns up late; any proof',
  async install() {
    const programs = await pythonEnvironment('dlt/requirements.txt');
    if (typeof programs !== 'string') return programs;
    return {
      versions: `dlt 1.31.0, ${await pythonVersion(programs)}`,
      command: (job) => ({
        program: path.join(programs, 'python'),
        words: [peerFile('dlt/pipeline.py')],
        cwd: job.stateDirectory,
        env: {
          OUTPUT: job.output,
          API_URL: job.apiUrl,
          API_KEY: job.apiKey,
          DATABASE_URL: job.databaseUrl ?? '',
          STATE_DIRECTORY: job.stateDirectory,
          OUTPUT_DIRECTORY: job.outputDirectory,
          RUNTIME__DLTHUB_TELEMETRY: 'false',
        },
      }),
      held: (job) =>
        job.output === 'postgres'
          ? entryRows(job.databaseUrl, 'audit.audit_logs')
          : entryLines(linesUnder(job.outputDirectory, /audit_logs\/.*\.jsonl(\.gz)?$/)),
    };
  },
};
