/**
 * The data directory of an embedded database, made beside its place under a name that nobody uses twice and moved there when it is whole.
 *
 * A process of its own makes it, and may outlive for a moment the one that wanted it: a start right after a kill must not write into what
 * the other is still writing, and takes no offence at what can't be removed yet.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseError } from './database-error.ts';
import { compiledFile } from '../compiled-file.ts';

const dataName = 'postgres';
const unfinishedPrefix = `${dataName}.new`;

/** Where the data is in an embedded database's directory. */
export function dataDirectory(directory: string): string {
  return path.join(directory, dataName);
}

export function hasData(directory: string): boolean {
  return existsSync(dataDirectory(directory));
}

/** Makes the data. The caller holds the directory's lock. Throws a DatabaseError that says why it can't be made. */
export async function createData(directory: string, signal: AbortSignal | undefined): Promise<void> {
  await removeUnfinished(directory);
  const unfinished = path.join(directory, `${unfinishedPrefix}-${randomBytes(8).toString('hex')}`);
  await mkdir(unfinished, { mode: 0o700 });
  // Its standard input ends with this process, and it ends with its standard input.
  const child = spawn(
    process.execPath,
    [fileURLToPath(compiledFile('src/database/pglite-create.js')), unfinished],
    {
      stdio: ['pipe', 'ignore', 'pipe'],
      ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const }),
    },
  );
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = `${words}${text}`.slice(-2000);
  });
  const code = await exitCode(child);
  signal?.throwIfAborted();
  if (code !== 0) {
    throw new DatabaseError(
      `The embedded database in ${directory} could not be made: ${reasonOf(words)}. Check that the directory can be written and has 100 MB free.`,
      { code: 'unreachable', retryable: false },
    );
  }
  await rename(unfinished, dataDirectory(directory));
  await removeUnfinished(directory);
}

/** What a killed start left. Where its maker still writes, it stays: it is in nobody's way, and gone after the next making. */
async function removeUnfinished(directory: string): Promise<void> {
  const names = await readdir(directory);
  for (const name of names.filter((each) => each.startsWith(unfinishedPrefix))) {
    await rm(path.join(directory, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Null for a process that was killed or could not be started. */
async function exitCode(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
}

/** The engine names a full disk only by the number that its own C library has for it. */
function reasonOf(words: string): string {
  return /errno: 51\b|No space left/.test(words) ? 'the disk is full' : lastLine(words);
}

function lastLine(text: string): string {
  const error = text.split('\n').find((line) => /Error/.test(line));
  return error?.trim() ?? 'the process that makes it was killed';
}
