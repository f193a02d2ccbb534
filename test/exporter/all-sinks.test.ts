/** Everything at once: both meanings of `starting_from`, every end of the tail, ties, late and exotic entries, all sinks. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createS3Sink } from '../../sinks/s3.ts';
import { createStdoutSink } from '../../sinks/stdout.ts';
import { runOnce } from '../../src/exporter/one-shot.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { exoticEntries } from '../helpers/exotic-entries.ts';
import { allSinks, startExportRun, type ExportRun } from '../helpers/export-run.ts';
import { startStrictObjectStore, type StrictObjectStore } from '../helpers/strict-object-store.ts';

/** EXPORT_ENTRIES makes the log longer. */
const entries = Number(process.env['EXPORT_ENTRIES'] ?? 1500);
const limits = { signal: new AbortController().signal, giveUpAfterMs: 60_000 };

let run: ExportRun | undefined;
let store: StrictObjectStore | undefined;

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});

afterEach(async () => {
  await run?.close();
  await store?.close();
  run = undefined;
  store = undefined;
});

async function filesOf(directory: string): Promise<[string, Buffer][]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = found.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  return await Promise.all(
    paths.map(async (path): Promise<[string, Buffer]> => [relative(directory, path), await readFile(path)]),
  );
}

const meanings = [[], ['inclusive']];
const tails = [[], ['tail-echo'], ['tail-now'], ['tail-last'], ['tail-absent'], ['tail-future']];
const cases = meanings.flatMap((meaning) => tails.map((tail) => [...meaning, ...tail]));

describe(`${entries} entries through four sinks at once`, () => {
  it.each(cases.map((traps) => [traps.join(' and ') || 'the usual answers', traps] as const))(
    'arrive once, in one order and byte for byte, with %s',
    { timeout: 60_000 + entries * 10 },
    async (_, traps) => {
      const lines: Buffer[] = [];
      const stdout = new PassThrough();
      stdout.on('data', (chunk: Buffer) => lines.push(chunk));
      const bucket = await startStrictObjectStore();
      store = bucket;
      run = await startExportRun({
        sandbox: { entries, traps: ['big-ties', 'late-entries', ...traps] },
        pageSize: 500,
        sinks: (places) => [
          ...allSinks(places),
          createS3Sink({
            name: 'bucket',
            bucket: bucket.settings.bucket,
            region: bucket.settings.region,
            endpoint: bucket.url,
            forcePathStyle: true,
          }),
          createStdoutSink({ name: 'console', format: 'raw', stream: stdout }),
        ],
      });
      const { sandbox } = run;
      // The past and the tail; what was held back until now; what nobody expects; once more for the overlap.
      await runOnce(run.exporter, limits);
      await runOnce(run.exporter, limits);
      sandbox.append(
        exoticEntries().map((entry) => ({ raw: entry.raw, createdAt: BigInt(Date.now()) * 1_000_000n })),
      );
      await runOnce(run.exporter, limits);
      await runOnce(run.exporter, limits);

      const truth = sandbox.truth().map((entry) => entry.raw.toString('utf8'));
      const rows = await run.warehouse();
      const warehouse = rows.map((row) => row.raw);
      expect(warehouse.length).toBe(truth.length);
      expect(warehouse.toSorted()).toEqual(truth.toSorted());
      expect(rows.map((row) => row.sequence)).toEqual(truth.map((_entry, index) => index + 1));
      expect(archivedLines(await filesOf(run.archive), 'acme').map((line) => line.raw)).toEqual(warehouse);
      expect(archivedLines(bucket.objects(), 'acme').map((line) => line.raw)).toEqual(warehouse);
      expect(Buffer.concat(lines).toString('utf8').trimEnd().split('\n')).toEqual(warehouse);
    },
  );
});
