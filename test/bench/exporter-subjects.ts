/** The exporter with each store and each sink, and how what it delivered is counted. */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { createGunzip, gunzipSync } from 'node:zlib';
import { openS3Place } from '../helpers/s3-place.ts';
import { query } from './bench-postgres.ts';
import {
  benchApiKey,
  makeStore,
  prepareExporterRun,
  runBackfill,
  sinkTable,
  type ExporterRun,
  type SinkName,
  type StoreName,
} from './exporter-run.ts';
import type { ObjectStore } from './object-store.ts';
import { expectCount, type Measured, type Stage, type Subject } from './subject.ts';

const stores: readonly StoreName[] = ['postgres', 'embedded'];
const targets: Readonly<Record<string, readonly SinkName[]>> = {
  ledger: [],
  files: ['files'],
  postgres: ['postgres'],
  s3: ['s3'],
  stdout: ['stdout'],
  all: ['files', 'postgres', 's3', 'stdout'],
};

const titles: Readonly<Record<string, string>> = {
  ledger: 'ledger alone',
  files: 'files',
  postgres: 'PostgreSQL table',
  s3: 'object store',
  stdout: 'stdout',
  all: 'all four at once',
};

export const exporterSubjects: readonly Subject[] = stores.flatMap((store) =>
  Object.entries(targets).map(([target, sinks]) => ({
    name: store === 'postgres' ? target : `embedded-${target}`,
    title: `${titles[target] ?? target}${store === 'postgres' ? '' : ', embedded store'}`,
    group: 'exporter' as const,
    target,
    note: store === 'postgres' ? 'ledger in PostgreSQL' : 'ledger in an embedded store that was made before',
    measure: (stage: Stage) => measureExporter(stage, store, sinks),
  })),
);

async function measureExporter(
  stage: Stage,
  store: StoreName,
  sinks: readonly SinkName[],
): Promise<Measured> {
  const { standIn, postgres, objectStore } = stage;
  const api = { url: standIn.url, apiKey: benchApiKey };
  const run = await prepareExporterRun({ api, postgres, objectStore }, { store, sinks });
  try {
    // An embedded store is made once in its life; the start-up question has what that takes.
    if (store === 'embedded') await makeStore(run, stage.timeoutMs);
    const ended = await runBackfill(run, stage.timeoutMs);
    for (const sink of sinks) expectCount(sink, await delivered(sink, run, objectStore), standIn.entries);
    return ended;
  } finally {
    run.leave();
  }
}

async function delivered(sink: SinkName, run: ExporterRun, objectStore: ObjectStore): Promise<number> {
  switch (sink) {
    case 'files':
      return await linesUnder(run.archive);
    case 'stdout':
      return await linesOf(run.stdoutFile);
    case 'postgres': {
      const [row] = await query(
        run.databaseUrl ?? '',
        `SELECT count(DISTINCT id) AS entries FROM ${sinkTable}`,
      );
      return Number(row?.['entries']);
    }
    case 's3':
      return await linesInStore(run.prefix, objectStore);
    default:
      return sink satisfies never;
  }
}

async function linesUnder(folder: string): Promise<number> {
  let lines = 0;
  for (const file of await readdir(folder, { recursive: true })) {
    if (file.endsWith('.jsonl.gz')) lines += await linesOf(path.join(folder, file));
  }
  return lines;
}

async function linesOf(file: string): Promise<number> {
  const bytes = createReadStream(file);
  let lines = 0;
  for await (const piece of file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes) {
    lines += linesIn(piece as Buffer);
  }
  return lines;
}

async function linesInStore(prefix: string, objectStore: ObjectStore): Promise<number> {
  Object.assign(process.env, objectStore.credentials);
  const place = openS3Place({ endpoint: objectStore.url, bucket: objectStore.bucket, prefix });
  try {
    let lines = 0;
    for (const [key, bytes] of await place.objects()) {
      if (key.endsWith('.jsonl.gz')) lines += linesIn(gunzipSync(bytes));
    }
    await place.clear();
    return lines;
  } finally {
    place.close();
  }
}

function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1;
  return lines;
}
