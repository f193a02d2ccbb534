import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { idOf, linesOf, linesUnder } from './held-entries.ts';
import type { HeldEntry, Peer, PeerJob } from './peer.ts';
import { peerFile, pythonEnvironment, pythonVersion } from './python-environment.ts';

interface Message {
  readonly type: string;
  readonly record?: { readonly data: unknown };
  readonly state?: unknown;
}

export const airbyte: Peer = {
  name: 'airbyte',
  title: 'Airbyte CDK',
  outputs: ['jsonl'],
  form: { jsonl: 'plain JSONL of Airbyte’s messages' },
  missing:
    'a sink of its own: destinations belong to the platform; lines that are the entries themselves (compared here: its records, printed again); what turns up late; any proof',
  async install() {
    const programs = await pythonEnvironment('airbyte/requirements.txt');
    if (typeof programs !== 'string') return programs;
    return {
      versions: `airbyte-cdk 7.39.1, ${await pythonVersion(programs)}`,
      command: (job) => ({
        program: path.join(programs, 'python'),
        words: [peerFile('airbyte/read.py')],
        cwd: job.stateDirectory,
        env: { API_URL: job.apiUrl, API_KEY: job.apiKey, STATE_DIRECTORY: job.stateDirectory },
        stdoutTo: outputFile(job),
      }),
      // What the platform does with the states that pass by: the last one is given to the next run.
      afterRun: async (job) => {
        let last: unknown;
        for await (const message of messages(linesOf(outputFile(job)))) {
          if (message.type === 'STATE') last = message.state;
        }
        if (last !== undefined) {
          await writeFile(path.join(job.stateDirectory, 'state.json'), JSON.stringify([last]));
        }
      },
      held: (job) => records(linesUnder(job.outputDirectory, /messages-\d+\.jsonl$/)),
    };
  },
};

function outputFile(job: PeerJob): string {
  return path.join(job.outputDirectory, `messages-${job.run}.jsonl`);
}

/** The last line of a source that was killed may be cut. */
async function* messages(lines: AsyncIterable<string>): AsyncGenerator<Message> {
  for await (const line of lines) {
    if (line.startsWith('{') && line.endsWith('}')) yield JSON.parse(line) as Message;
  }
}

async function* records(lines: AsyncIterable<string>): AsyncGenerator<HeldEntry> {
  for await (const { type, record } of messages(lines)) {
    if (type === 'RECORD' && record !== undefined) {
      yield { id: idOf(record.data), text: JSON.stringify(record.data) };
    }
  }
}
