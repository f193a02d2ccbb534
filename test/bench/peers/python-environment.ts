/** Python tools, installed from pinned requirements into an environment of their own, once. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder } from '../cache.ts';
import type { Absent } from './peer.ts';

const run = promisify(execFile);
const installMs = 900_000;

/** A file of this folder. */
export function peerFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The environment's folder of programs, or why there is none. `further` are packages of this repository. */
export async function pythonEnvironment(
  requirements: string,
  further: readonly string[] = [],
): Promise<string | Absent> {
  const file = peerFile(requirements);
  const pinned = await readFile(file, 'utf8');
  const digest = createHash('sha256')
    .update(JSON.stringify([pinned, further]))
    .digest('hex')
    .slice(0, 12);
  const folder = path.join(await cacheFolder(), `python-${path.dirname(requirements)}-${digest}`);
  const programs = path.join(folder, 'bin');
  const done = path.join(folder, 'installed');
  try {
    await access(done);
    return programs;
  } catch {
    await rm(folder, { recursive: true, force: true });
  }
  try {
    const timeout = installMs;
    await run('python3', ['-m', 'venv', folder], { timeout });
    const pip = path.join(programs, 'pip');
    const words = ['install', '--quiet', '--disable-pip-version-check', '-r', file, ...further.map(peerFile)];
    await run(pip, words, { timeout });
    await writeFile(done, '');
    return programs;
  } catch (error) {
    return { absent: `pip could not install ${pinned.trim().replaceAll('\n', ', ')}: ${lastLine(error)}` };
  }
}

export async function pythonVersion(programs: string): Promise<string> {
  const { stdout } = await run(path.join(programs, 'python'), ['--version']);
  return stdout.trim();
}

export function lastLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n').at(-1) ?? '';
}
