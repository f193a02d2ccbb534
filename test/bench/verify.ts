/** What it takes to verify an archive of many objects, all of it read and every signature checked. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { generateSigningKey } from '../../src/archive/digest/signing-key.ts';
import type { VerifyReport } from '../../src/proof/verify/report.ts';
import type { BenchPostgres } from './bench-postgres.ts';
import { benchApiKey, prepareExporterRun, runBackfill, type ExporterRun } from './exporter-run.ts';
import { measure, type Ended } from './measured-process.ts';
import { startStandIn } from './stand-in-process.ts';

export interface VerifyResult {
  readonly entries: number;
  readonly objects: number;
  readonly digests: number;
  /** Of the objects: what is read, and what it unpacks to. */
  readonly storedBytes: number;
  readonly rawBytes: number;
  /** One of each for every run. */
  readonly seconds: readonly number[];
  readonly cpuSeconds: readonly number[];
  readonly peakMegabytes: readonly number[];
}

export interface VerifyBenchOptions {
  readonly entries: number;
  readonly runs: number;
}

/** More than a thousand objects of the usual 200,000 entries. */
const entriesPerObject = 150;
const timeoutMs = 600_000;

export async function measureVerify(
  postgres: BenchPostgres,
  { entries, runs }: VerifyBenchOptions,
): Promise<VerifyResult[]> {
  const standIn = await startStandIn({ entries });
  const api = { url: standIn.url, apiKey: benchApiKey };
  const run = await prepareExporterRun(
    { api, postgres, objectStore: undefined },
    {
      store: 'postgres',
      sinks: ['files'],
      roll: { entries: entriesPerObject },
      settings: { signing: { key: generateSigningKey() } },
    },
  );
  try {
    await runBackfill(run, timeoutMs);
    const ended: Ended[] = [];
    let report = await verifyOnce(run, ended);
    while (ended.length < runs) report = await verifyOnce(run, ended);
    const [organization] = report.organizations;
    if (organization === undefined) throw new Error('The archive that was verified is empty.');
    return [
      {
        entries: organization.entries,
        objects: organization.objects,
        digests: organization.digests.count,
        storedBytes: organization.storedBytes,
        rawBytes: organization.rawBytes,
        seconds: ended.map(({ seconds }) => seconds),
        cpuSeconds: ended.map(({ cpuSeconds }) => cpuSeconds),
        peakMegabytes: ended.map(({ peakMegabytes }) => peakMegabytes),
      },
    ];
  } finally {
    standIn.stop();
    run.leave();
  }
}

async function verifyOnce(run: ExporterRun, ended: Ended[]): Promise<VerifyReport> {
  const stdoutTo = path.join(run.home, 'verified.json');
  const command = { ...run.command(['verify', '--quiet', '-o', 'json']), stdoutTo };
  const result = await measure(command, { timeoutMs });
  if (result.exitCode !== 0) throw new Error(`verify ended with ${result.exitCode}: ${result.said}`);
  ended.push(result);
  const printed = JSON.parse(await readFile(stdoutTo, 'utf8')) as {
    readonly archives: readonly VerifyReport[];
  };
  const [report] = printed.archives;
  if (report?.verdict !== 'verified') throw new Error('verify printed no report of a sound archive.');
  return report;
}
