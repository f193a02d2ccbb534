/**
 * How far a long command is: a bar with rate and time left on a terminal, a line every ten seconds elsewhere, nothing
 * with --quiet. The bar has a timer of its own while it is shown, so whoever makes one stops it in the end.
 */
import type { CliContext } from './context.ts';

export interface ProgressReport {
  /** How many were done since the start of the command. */
  readonly done: number;
  /** 0 to 1; undefined while the end is not known. */
  readonly fraction: number | undefined;
}

export interface Progress {
  report(report: ProgressReport): void;
  /** Draws the last state and gives the line back. Idempotent. */
  stop(): void;
}

export interface ProgressOptions {
  readonly label: string;
  /** Plural, as in `entries`. */
  readonly unit: string;
  readonly now?: () => number;
}

const lineEveryMs = 10_000;
const drawEveryMs = 100;

export async function createProgress(
  context: Pick<CliContext, 'stderr' | 'quiet'>,
  options: ProgressOptions,
): Promise<Progress> {
  if (context.quiet) return { report: () => undefined, stop: () => undefined };
  return context.stderr.isTTY ? bar(context.stderr, options) : lines(context.stderr, options);
}

/** `12,345 entries, 3,200/s, 42%, 2m 10s left`. */
export function describeProgress(report: ProgressReport, elapsedMs: number, unit: string): string {
  const perSecond = elapsedMs > 0 ? report.done / (elapsedMs / 1000) : 0;
  const { fraction } = report;
  const parts = [`${count(report.done)} ${unit}`, `${count(perSecond)}/s`];
  if (fraction !== undefined) {
    parts.push(`${Math.floor(fraction * 100)}%`);
    // So early a guess would only frighten.
    if (fraction >= 0.02 && fraction < 1)
      parts.push(`${spell((elapsedMs / fraction) * (1 - fraction))} left`);
  }
  return parts.join(', ');
}

function lines(stderr: NodeJS.WriteStream, { label, unit, now = Date.now }: ProgressOptions): Progress {
  const startedAt = now();
  let printedAt = startedAt;
  let last: ProgressReport | undefined;
  let isStopped = false;
  const print = (report: ProgressReport): void => {
    stderr.write(`${label}: ${describeProgress(report, now() - startedAt, unit)}\n`);
  };
  return {
    report(report) {
      last = report;
      if (now() - printedAt < lineEveryMs) return;
      printedAt = now();
      print(report);
    },
    stop() {
      if (!isStopped && last !== undefined) print(last);
      isStopped = true;
    },
  };
}

async function bar(
  stderr: NodeJS.WriteStream,
  { label, unit, now = Date.now }: ProgressOptions,
): Promise<Progress> {
  const { SingleBar } = await import('cli-progress');
  const startedAt = now();
  const drawing = new SingleBar({
    format: `${label} [{bar}] {detail}`,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    barsize: 24,
    stream: stderr,
    hideCursor: true,
    clearOnComplete: false,
    noTTYOutput: false,
    fps: 1000 / drawEveryMs,
    autopadding: false,
    forceRedraw: false,
    // It would listen for signals, which belong to signals.ts.
    gracefulExit: false,
    linewrap: false,
    emptyOnZero: true,
  });
  drawing.start(1000, 0, { detail: '' });
  let isStopped = false;
  return {
    report(report) {
      if (isStopped) return;
      drawing.update(Math.floor((report.fraction ?? 0) * 1000), {
        detail: describeProgress(report, now() - startedAt, unit),
      });
    },
    stop() {
      if (!isStopped) drawing.stop();
      isStopped = true;
    },
  };
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function spell(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
}
