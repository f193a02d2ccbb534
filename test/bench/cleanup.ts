/** What must not outlive this process, however it ends short of SIGKILL. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

const pending = new Set<() => void>();

/** `end` is called at the exit of this process, unless what is returned was called before. */
export function atExit(end: () => void): () => void {
  pending.add(end);
  return () => {
    pending.delete(end);
  };
}

/**
 * Removes a folder when this process ends. Not while it measures: for minutes a file system looks through what was deleted for
 * every file that it makes, and the next run would pay for that. Nor may it pay for what is still to be written.
 */
export function removeAtEnd(folder: string): void {
  atExit(() => rmSync(folder, { recursive: true, force: true }));
  spawnSync('sync');
}

/** Signals end the process by way of its exit, where everything that is pending is ended. */
export function endOnSignals(): void {
  process.on('exit', () => {
    for (const end of pending) end();
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}
