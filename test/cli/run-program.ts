import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { plantedObjectStoreSecret, secretsGiven, watchForSecrets } from '../helpers/planted-secrets.ts';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Where it runs. Default: here. */
  readonly cwd?: string;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the built program with nothing of this process's environment but the path, and searches what it prints for secrets. */
export function startProgram(
  words: readonly string[],
  { env, stdin, cwd = process.cwd() }: RunOptions = {},
): ChildProcessWithoutNullStreams {
  const given = {
    PATH: process.env['PATH'] ?? '',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: plantedObjectStoreSecret,
    ...env,
  };
  const child = spawn(process.execPath, [main, ...words], { cwd, env: given });
  // The sandbox tells its key to whoever starts it: it opens nothing else.
  if (words[0] !== 'sandbox') {
    watchForSecrets(child, secretsGiven({ words, env: given, ...(stdin === undefined ? {} : { stdin }) }));
  }
  child.stdin.end(stdin ?? '');
  return child;
}

/** Runs the built program to its end. */
export async function runProgram(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return ended(startProgram(words, options));
}

export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { exitCode, stdout, stderr };
}
