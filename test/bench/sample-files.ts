/** The same entries as files: what `COPY` and `gzip` are measured with. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { BenchPostgres } from './bench-postgres.ts';
import { prepareExporterRun, benchApiKey, runBackfill, sinkTable } from './exporter-run.ts';
import { psql } from './psql.ts';
import type { StandIn } from './stand-in-process.ts';

export interface SampleFiles {
  /** The raw text, a line each. */
  readonly raw: string;
  /** Every column of the sink's table, as `COPY` writes them. */
  readonly sinkRows: string;
  /** Sequence, id, created_at and raw. */
  readonly plainRows: string;
  remove(): Promise<void>;
}

export async function makeSampleFiles(standIn: StandIn, postgres: BenchPostgres): Promise<SampleFiles> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bench-samples-'));
  const api = { url: standIn.url, apiKey: benchApiKey };
  const places = { api, postgres, objectStore: undefined };
  const exported = await prepareExporterRun(places, { store: 'postgres', sinks: ['postgres', 'stdout'] });
  await runBackfill(exported, 900_000);
  const files = {
    raw: path.join(folder, 'raw.jsonl'),
    sinkRows: path.join(folder, 'sink-rows.copy'),
    plainRows: path.join(folder, 'plain-rows.copy'),
  };
  const url = exported.databaseUrl ?? '';
  const select = 'SELECT sequence, id, created_at, raw FROM';
  await psql(url, `\\copy (SELECT * FROM ${sinkTable} ORDER BY sequence) TO '${files.sinkRows}'`);
  await psql(url, `\\copy (${select} ${sinkTable} ORDER BY sequence) TO '${files.plainRows}'`);
  await exported.keepStdout(files.raw);
  exported.leave();
  return { ...files, remove: () => rm(folder, { recursive: true, force: true }) };
}
