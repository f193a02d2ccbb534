/** One participant in one boundary case: its runs, and what it holds afterwards beside what there is. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import type { BoundaryCase } from './boundary-cases.ts';
import { compare, type Comparison } from './comparison.ts';
import { start, type Ended } from './measured-process.ts';
import type { Installed, Output, PeerJob } from './peers/peer.ts';
import { withoutPaths } from './plain-words.ts';

export interface BoundaryResult extends Comparison {
  /** How each of its runs ended: `ok`, `exit 1`, `did not end`, `killed`. */
  readonly runs: readonly string[];
  readonly requests: number;
  /** The last of what a run that failed said. */
  readonly said: string;
}

export interface BoundaryOptions {
  readonly output: Output;
  readonly databaseUrl: string;
  readonly timeoutMs: number;
}

export async function runBoundaryCase(
  installed: Installed,
  boundary: BoundaryCase,
  options: BoundaryOptions,
): Promise<BoundaryResult> {
  // Its clock is a little behind, so that entries can be added with a time that has passed.
  const now = (): number => Date.now() - 10_000;
  const sandbox = await startSandbox({ entries: 0, ...boundary.sandbox, now });
  const home = await mkdtemp(path.join(os.tmpdir(), 'bench-boundary-'));
  try {
    const job = await makeJob(sandbox, { home, ...options });
    boundary.before(sandbox);
    const runs: string[] = [];
    let said = '';
    const times = boundary.between === undefined ? 1 : 2;
    for (let run = 1; run <= times; run += 1) {
      const killAtPage = run === 1 ? boundary.killAtPage : undefined;
      const ended = await runOnce(installed, { ...job, run }, { sandbox, killAtPage, ...options });
      const outcome = killAtPage !== undefined && ended.exitCode === null ? 'killed' : outcomeOf(ended);
      runs.push(outcome);
      if (outcome !== 'ok' && outcome !== 'killed') said = lastLines(ended.said);
      if (outcome === 'ok' || outcome === 'killed') await installed.afterRun?.({ ...job, run });
      if (run < times) boundary.between?.(sandbox);
    }
    const truth = new Map(sandbox.truth().map(({ id, raw }) => [id, raw.toString()]));
    return {
      ...(await compare(truth, installed.held(job))),
      runs,
      requests: sandbox.counters.requests,
      said,
    };
  } finally {
    await sandbox.close();
    await rm(home, { recursive: true, force: true });
  }
}

export async function makeJob(
  api: { readonly url: string; readonly apiKey: string },
  options: { readonly home: string; readonly output: Output; readonly databaseUrl: string },
): Promise<PeerJob> {
  const stateDirectory = path.join(options.home, 'state');
  const outputDirectory = path.join(options.home, 'output');
  await mkdir(stateDirectory, { recursive: true });
  await mkdir(outputDirectory, { recursive: true });
  const { output, databaseUrl } = options;
  return {
    apiUrl: api.url,
    apiKey: api.apiKey,
    output,
    databaseUrl,
    stateDirectory,
    outputDirectory,
    run: 1,
  };
}

async function runOnce(
  installed: Installed,
  job: PeerJob,
  options: { readonly sandbox: Sandbox; readonly killAtPage: number | undefined; readonly timeoutMs: number },
): Promise<Ended> {
  const { sandbox, killAtPage, timeoutMs } = options;
  const running = start(installed.command(job), { timeoutMs });
  if (killAtPage === undefined) return await running.ended;
  const over = new AbortController();
  const ended = running.ended.finally(() => over.abort());
  while (!over.signal.aborted && sandbox.counters.pages < killAtPage) await delay(5);
  running.kill();
  return await ended;
}

function outcomeOf(ended: Ended): string {
  if (ended.isTimedOut) return 'did not end';
  return ended.exitCode === 0 ? 'ok' : `exit ${ended.exitCode}`;
}

function lastLines(said: string): string {
  return withoutPaths(said.trim().split('\n').slice(-3).join('\n')).slice(-500);
}
