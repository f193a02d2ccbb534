/** What a process uses, as Linux counts it. */
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessSize {
  readonly residentMiB: number;
  /** The most that it ever was. */
  readonly residentMaxMiB: number;
  /** Open files, sockets and pipes. */
  readonly descriptors: number;
}

export async function processSize(pid: number): Promise<ProcessSize> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const descriptors = (await readdir(`/proc/${pid}/fd`)).length;
  return { residentMiB: mebibytes(status, 'VmRSS'), residentMaxMiB: mebibytes(status, 'VmHWM'), descriptors };
}

function mebibytes(status: string, name: string): number {
  const [, kibibytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  if (kibibytes === undefined) throw new TypeError(`the kernel tells no ${name}`);
  return Math.round(Number(kibibytes) / 1024);
}
