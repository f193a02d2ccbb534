/** PostgreSQL's own client. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Command } from './measured-process.ts';

const run = promisify(execFile);

export function psqlCommand(url: string, command: string): Command {
  return { program: 'psql', words: ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', command] };
}

export async function psql(url: string, command: string): Promise<void> {
  const { program, words } = psqlCommand(url, command);
  await run(program, [...words]);
}
