/** Starts the API stand-in as a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface StandInOptions {
  readonly entries: number;
  /** Further options of `stand-in.ts`. */
  readonly words?: readonly string[];
}

export interface StandIn {
  readonly url: string;
  readonly entries: number;
  readonly pages: number;
  /** Of all pages. */
  readonly bytes: number;
  stop(): void;
}

export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const script = fileURLToPath(new URL('stand-in.ts', import.meta.url));
  const words = ['--entries', String(options.entries), ...(options.words ?? [])];
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const [first] = (await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => [])])) as [
    string?,
  ];
  if (first === undefined) throw new Error('The stand-in ended before it listened');
  const started = JSON.parse(first) as Omit<StandIn, 'stop'>;
  return { ...started, stop: () => child.kill() };
}
