/** The part of `process` that is used here. */
export interface LingeringProcess {
  readonly stderr: Pick<NodeJS.WriteStream, 'write'>;
  getActiveResourcesInfo(): readonly string[];
  exit(exitCode: number): void;
}

/**
 * A process ends by itself when nothing is open any more. If something still is after `waitMs`, that is a defect: it
 * is told, not hidden, and the process ends all the same, since whoever started it waits.
 */
export function endThoughLingering(process: LingeringProcess, exitCode: number, waitMs: number): void {
  setTimeout(() => {
    const open = [...new Set(process.getActiveResourcesInfo())].join(', ');
    process.stderr.write(`error: The command is done, but the process does not end (open: ${open}).\n`);
    process.exit(exitCode);
  }, waitMs).unref();
}
