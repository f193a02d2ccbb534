import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../cache.ts';
import { entryLines, linesUnder } from './held-entries.ts';
import type { Peer } from './peer.ts';
import { lastLine, peerFile } from './python-environment.ts';

const run = promisify(execFile);
const buildMs = 900_000;

export const redpanda: Peer = {
  name: 'redpanda',
  title: 'Redpanda Connect',
  outputs: ['jsonl'],
  form: { jsonl: 'plain JSONL' },
  missing:
    'PostgreSQL in this build: its SQL parts are not in the open-source engine (benthos); the exact text of an entry; what turns up late; any proof',
  async install() {
    const sources = await Promise.all(
      ['main.go', 'go.mod', 'go.sum'].map((name) => readFile(peerFile(`redpanda/${name}`))),
    );
    const digest = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 12);
    const folder = path.join(await cacheFolder(), `redpanda-${digest}`);
    const program = path.join(folder, 'redpanda');
    try {
      await access(program);
    } catch {
      try {
        await cp(peerFile('redpanda'), folder, { recursive: true });
        await run('go', ['build', '-o', program, '.'], { cwd: folder, timeout: buildMs });
      } catch (error) {
        return { absent: `go could not build benthos 4.60.0: ${lastLine(error)}` };
      }
    }
    return {
      versions: 'benthos 4.60.0, the engine of Redpanda Connect',
      command: (job) => ({
        program,
        words: ['run', peerFile('redpanda/config.yaml')],
        cwd: job.stateDirectory,
        env: {
          API_URL: job.apiUrl,
          API_KEY: job.apiKey,
          STATE_DIRECTORY: job.stateDirectory,
          OUTPUT_DIRECTORY: job.outputDirectory,
        },
      }),
      held: (job) => entryLines(linesUnder(job.outputDirectory, /entries\.jsonl$/)),
    };
  },
};
