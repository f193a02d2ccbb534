/** How long the command takes when it has nothing to do, and when it makes an embedded store. */
import { benchApiKey, makeStore, prepareExporterRun, program } from './exporter-run.ts';
import { measure, type Ended } from './measured-process.ts';

export interface StartupResult {
  readonly words: string;
  readonly milliseconds: readonly number[];
  readonly peakMegabytes: readonly number[];
}

const timeoutMs = 120_000;

export async function measureStartup(runs: number): Promise<StartupResult[]> {
  const version: Ended[] = [];
  const help: Ended[] = [];
  const making: Ended[] = [];
  for (let run = 0; run < runs; run += 1) {
    version.push(await runAlone('--version'));
    help.push(await runAlone('--help'));
    if (run % 5 === 0) making.push(await makeEmbeddedStore());
  }
  return [
    result('--version', version),
    result('--help', help),
    result('store migrate (makes an embedded store)', making),
  ];
}

async function runAlone(words: string): Promise<Ended> {
  const ended = await measure({ program: process.execPath, words: [program, words] }, { timeoutMs });
  if (ended.exitCode !== 0) throw new Error(`${words} ended with ${ended.exitCode}: ${ended.said}`);
  return ended;
}

async function makeEmbeddedStore(): Promise<Ended> {
  // Nobody listens there, and nobody is asked.
  const api = { url: 'http://127.0.0.1:9', apiKey: benchApiKey };
  const places = { api, postgres: undefined, objectStore: undefined };
  const run = await prepareExporterRun(places, { store: 'embedded', sinks: [] });
  try {
    return await makeStore(run, timeoutMs);
  } finally {
    run.leave();
  }
}

function result(words: string, runs: readonly Ended[]): StartupResult {
  return {
    words,
    milliseconds: runs.map(({ seconds }) => Math.round(seconds * 1000)),
    peakMegabytes: runs.map(({ peakMegabytes }) => peakMegabytes),
  };
}
