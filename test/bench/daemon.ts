/** The exporter as a daemon that looks for new entries every second, for what is measured while it runs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { atExit } from './cleanup.ts';
import type { ExporterRun } from './exporter-run.ts';

export const everySecond = { schedule: { tail: '* * * * * *' } } as const;

export interface Daemon {
  /** Its standard output, as it comes. */
  readonly output: NonNullable<ChildProcess['stdout']>;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<void>;
}

export function startDaemon(run: ExporterRun): Daemon {
  const { program, words, env, cwd } = run.command(['run']);
  const child = spawn(program, words, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const forget = atExit(() => child.kill());
  const ended = once(child, 'exit').finally(forget);
  return {
    output: child.stdout,
    stop: async () => {
      child.kill('SIGTERM');
      // What it still prints must not keep it from ending.
      child.stdout.resume();
      await ended;
    },
  };
}
