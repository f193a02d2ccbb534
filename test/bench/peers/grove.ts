import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { entryLines, linesUnder } from './held-entries.ts';
import type { Peer, PeerJob } from './peer.ts';
import { pythonEnvironment, pythonVersion } from './python-environment.ts';

export const grove: Peer = {
  name: 'grove',
  title: 'Grove',
  outputs: ['jsonl'],
  form: { jsonl: 'gzipped JSONL, a file a page' },
  missing: 'PostgreSQL; the exact text of an entry; what turns up late; any proof',
  async install() {
    const programs = await pythonEnvironment('grove/requirements.txt', ['grove']);
    if (typeof programs !== 'string') return programs;
    return {
      versions: `grove 2.2.0, ${await pythonVersion(programs)}`,
      command: (job) => {
        configure(job);
        return {
          program: path.join(programs, 'grove'),
          words: [],
          cwd: job.stateDirectory,
          env: {
            GROVE_CONFIG_HANDLER: 'local_file',
            GROVE_CONFIG_LOCAL_FILE_PATH: path.join(job.stateDirectory, 'config'),
            GROVE_CACHE_HANDLER: 'local_file',
            GROVE_CACHE_LOCAL_FILE_PATH: path.join(job.stateDirectory, 'cache'),
            GROVE_OUTPUT_HANDLER: 'local_file',
            GROVE_OUTPUT_LOCAL_FILE_PATH: job.outputDirectory,
            // The lock of a process that was killed would hold up the next one.
            GROVE_LOCK_DURATION: '1',
          },
        };
      },
      held: (job) => entryLines(linesUnder(job.outputDirectory, /\.json\.gz$/)),
    };
  },
};

function configure(job: PeerJob): void {
  for (const folder of ['config', 'cache'])
    mkdirSync(path.join(job.stateDirectory, folder), { recursive: true });
  const connector = {
    name: 'audit',
    connector: 'cockroach_cloud_audit',
    identity: 'bench',
    key: job.apiKey,
    api_url: job.apiUrl,
    // Due again at once.
    frequency: 0,
  };
  writeFileSync(path.join(job.stateDirectory, 'config', 'audit.json'), JSON.stringify(connector));
}
