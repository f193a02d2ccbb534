/**
 * Backfills of the built program into chosen sinks, the ledger in a PostgreSQL of its own:
 *
 *     npx tsx test/bench/measure-backfill.ts --sinks none,files,postgres,files+postgres --entries 200000 [--runs 3]
 *
 * Prints a line of JSON per run. `--program`, which may be repeated, measures other builds of the program in turns;
 * `--profile DIRECTORY` leaves CPU profiles there; `--node WORD`, which may be repeated, is an option for Node.
 */
import { parseArgs } from 'node:util';
import { startBenchPostgres } from './bench-postgres.ts';
import { endOnSignals } from './cleanup.ts';
import {
  benchApiKey,
  imageNodeWords,
  prepareExporterRun,
  program,
  runBackfill,
  sinkNames,
} from './exporter-run.ts';
import { startStandIn } from './stand-in-process.ts';

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '200000' },
    sinks: { type: 'string', default: 'none,files,postgres' },
    runs: { type: 'string', default: '1' },
    program: { type: 'string', multiple: true, default: [program] },
    profile: { type: 'string' },
    node: { type: 'string', multiple: true, default: [] },
  },
});

const timeoutMs = 600_000;
const profiling = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile];
const standIn = await startStandIn({ entries: Number(values.entries) });
endOnSignals();
const postgres = await startBenchPostgres();
const places = { api: { url: standIn.url, apiKey: benchApiKey }, postgres, objectStore: undefined };
try {
  for (let run = 1; run <= Number(values.runs); run += 1) {
    for (const sinks of values.sinks.split(',')) {
      for (const build of values.program) {
        const prepared = await prepareExporterRun(places, {
          store: 'postgres',
          sinks: sinkNames.filter((name) => sinks.split('+').includes(name)),
          program: build,
          nodeWords: [...imageNodeWords, ...values.node, ...profiling],
        });
        try {
          const { seconds, cpuSeconds, peakMegabytes } = await runBackfill(prepared, timeoutMs);
          const perSecond = Math.round(standIn.entries / seconds);
          const measured = { sinks, run, program: build, seconds, perSecond, cpuSeconds, peakMegabytes };
          process.stdout.write(`${JSON.stringify(measured)}\n`);
        } finally {
          prepared.leave();
        }
      }
    }
  }
} finally {
  standIn.stop();
  await postgres.stop();
}
