import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { entryLines, entryRows, linesUnder } from './held-entries.ts';
import type { Peer, PeerJob } from './peer.ts';
import { peerFile, pythonEnvironment, pythonVersion } from './python-environment.ts';

export const singer: Peer = {
  name: 'singer',
  title: 'Singer SDK',
  outputs: ['jsonl', 'postgres'],
  form: { jsonl: 'plain JSONL by target-jsonl', postgres: 'a column a field, target-postgres by upsert' },
  missing: 'fields that its schema does not list; what turns up late; any proof',
  async install() {
    const programs = await pythonEnvironment('singer/requirements.txt');
    if (typeof programs !== 'string') return programs;
    const jsonl = await pythonEnvironment('singer/requirements-jsonl.txt');
    if (typeof jsonl !== 'string') return jsonl;
    return {
      versions: `singer-sdk 0.54.9, target-jsonl 0.1.4, target-postgres 0.8.1, ${await pythonVersion(programs)}`,
      command: (job) => ({
        program: '/bin/bash',
        words: ['-o', 'pipefail', '-c', pipeline(job, { programs, jsonl })],
        cwd: job.stateDirectory,
        env: {
          TAP_CONFIG: JSON.stringify({
            api_url: job.apiUrl,
            api_key: job.apiKey,
            start_date: '1970-01-01T00:00:00Z',
          }),
          TARGET_CONFIG: JSON.stringify(
            job.output === 'postgres'
              ? {
                  sqlalchemy_url: (job.databaseUrl ?? '').replace(/^postgres:/, 'postgresql+psycopg:'),
                  default_target_schema: 'audit',
                  use_copy: true,
                }
              : { destination_path: job.outputDirectory, custom_name: 'entries' },
          ),
        },
      }),
      // As every runner of taps does: the target's last line is the state of the next run.
      afterRun: async (job) => {
        const said = await readFile(path.join(job.stateDirectory, 'state.out'), 'utf8');
        const last = said.trim().split('\n').at(-1) ?? '';
        if (last !== '') await writeFile(path.join(job.stateDirectory, 'state.json'), last);
      },
      held: (job) =>
        job.output === 'postgres'
          ? entryRows(job.databaseUrl, 'audit.audit_logs')
          : entryLines(linesUnder(job.outputDirectory, /\.jsonl$/)),
    };
  },
};

function pipeline(job: PeerJob, folders: { readonly programs: string; readonly jsonl: string }): string {
  const tap = `'${folders.programs}/python' '${peerFile('singer/tap.py')}' --config tap.json $state`;
  const target =
    job.output === 'postgres' ? `'${folders.programs}/target-postgres'` : `'${folders.jsonl}/target-jsonl'`;
  return [
    'printf %s "$TAP_CONFIG" > tap.json',
    'printf %s "$TARGET_CONFIG" > target.json',
    'state=; [ ! -s state.json ] || state="--state state.json"',
    `${tap} | ${target} --config target.json > state.out`,
  ].join('\n');
}
