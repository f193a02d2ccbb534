/**
 * Runs a command to its end and says what it took: from its start to its exit, with every process that it starts. Memory
 * is looked up in /proc while it runs, so it is measured on Linux only, and 0 elsewhere.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { atExit } from './cleanup.ts';

export interface Command {
  readonly program: string;
  readonly words: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Where its standard output goes. Default: nowhere. */
  readonly stdoutTo?: string;
}

export interface Ended {
  readonly seconds: number;
  /** User and system time of all its processes. */
  readonly cpuSeconds: number;
  /** The most memory at once, of all its processes together, in MB of 1,024 × 1,024 bytes. */
  readonly peakMegabytes: number;
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly isTimedOut: boolean;
  /** The last of what it wrote to stderr. */
  readonly said: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  /** SIGKILL to the command and all that it started. */
  kill(): void;
}

const pollMs = 25;
const saidMax = 20_000;

export function measure(command: Command, { timeoutMs }: { readonly timeoutMs: number }): Promise<Ended> {
  return start(command, { timeoutMs }).ended;
}

export function start(command: Command, { timeoutMs }: { readonly timeoutMs: number }): Running {
  const output = command.stdoutTo === undefined ? undefined : openSync(command.stdoutTo, 'w');
  const started = performance.now();
  // A group of its own, so that all of it can be ended.
  const child = spawn(command.program, command.words, {
    cwd: command.cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...command.env },
    stdio: ['ignore', output ?? 'ignore', 'pipe'],
    detached: true,
  });
  if (output !== undefined) closeSync(output);
  const kill = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, 'SIGKILL');
  };
  const forget = atExit(kill);
  return { ended: follow(child, { started, timeoutMs, kill }).finally(forget), kill };
}

interface Following {
  readonly started: number;
  readonly timeoutMs: number;
  readonly kill: () => void;
}

async function follow(child: ChildProcess, { started, timeoutMs, kill }: Following): Promise<Ended> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-saidMax);
  });
  const usage = new TreeUsage(child.pid ?? 0);
  const poll = setInterval(() => usage.look(), pollMs);
  let isTimedOut = false;
  const deadline = setTimeout(() => {
    isTimedOut = true;
    kill();
  }, timeoutMs);
  try {
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    const seconds = (performance.now() - started) / 1000;
    return { seconds, ...usage.total(), exitCode, isTimedOut, said };
  } finally {
    clearInterval(poll);
    clearTimeout(deadline);
  }
}

interface ProcessUsage {
  readonly residentKb: number;
  readonly peakKb: number;
  readonly ticks: number;
}

/** Linux counts processor time in hundredths of a second. */
const ticksPerSecond = 100;

/** What a process and its descendants use. */
class TreeUsage {
  readonly #root: number;
  readonly #ticks = new Map<number, number>();
  #peakKb = 0;

  constructor(root: number) {
    this.#root = root;
  }

  look(): void {
    let residentKb = 0;
    for (const pid of tree(this.#root)) {
      const usage = usageOf(pid);
      if (usage === undefined) continue;
      residentKb += usage.residentKb;
      this.#peakKb = Math.max(this.#peakKb, usage.peakKb);
      this.#ticks.set(pid, usage.ticks);
    }
    this.#peakKb = Math.max(this.#peakKb, residentKb);
  }

  total(): { cpuSeconds: number; peakMegabytes: number } {
    const ticks = [...this.#ticks.values()].reduce((sum, value) => sum + value, 0);
    return { cpuSeconds: ticks / ticksPerSecond, peakMegabytes: Math.round(this.#peakKb / 1024) };
  }
}

function tree(root: number): number[] {
  const found = [root];
  for (const pid of found) {
    const children = read(`/proc/${pid}/task/${pid}/children`) ?? '';
    found.push(...children.split(' ').filter(Boolean).map(Number));
  }
  return found;
}

function usageOf(pid: number): ProcessUsage | undefined {
  const status = read(`/proc/${pid}/status`);
  const stat = read(`/proc/${pid}/stat`);
  if (status === undefined || stat === undefined) return undefined;
  // The program's name stands in parentheses and may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    residentKb: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0),
    peakKb: Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0),
    ticks: Number(fields[11]) + Number(fields[12]),
  };
}

/** Undefined where the process has ended meanwhile, or where there is no /proc. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
