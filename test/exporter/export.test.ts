import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runBackfill, runOnce } from '../../src/exporter/one-shot.ts';
import { nanos, nanosFromMs } from '../../src/time.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { allSinks, startExportRun, type ExportRun, type ExportRunOptions } from '../helpers/export-run.ts';

let run: ExportRun | undefined;
const limits = { signal: new AbortController().signal, giveUpAfterMs: 20_000 };

afterEach(async () => {
  await run?.close();
  run = undefined;
});

async function start(options: ExportRunOptions): Promise<ExportRun> {
  run = await startExportRun(options);
  return run;
}

async function archivedRaws(directory: string): Promise<string[]> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const objects: [string, Buffer][] = [];
  for (const file of files) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    objects.push([path.slice(directory.length + 1), await readFile(path)]);
  }
  return archivedLines(objects, 'acme').map((line) => line.raw);
}

/** Every entry of the source once, in every sink, byte for byte; sequences without gaps. */
async function expectWhole(current: ExportRun): Promise<void> {
  const truth = current.sandbox.truth().map((entry) => entry.raw.toString('utf8'));
  const rows = await current.warehouse();
  expect(rows.map((row) => row.raw).toSorted()).toEqual(truth.toSorted());
  expect(rows.map((row) => row.sequence)).toEqual(truth.map((_, index) => index + 1));
  expect(await archivedRaws(current.archive)).toEqual(rows.map((row) => row.raw));
}

const sources: readonly (readonly [string, ExportRunOptions])[] = [
  ['an exclusive starting_from', {}],
  ['an inclusive starting_from', { sandbox: { traps: ['inclusive'] } }],
  ['a server that turns inclusive in mid-walk', { sandbox: { traps: ['exclusive-then-inclusive'] } }],
  ['pages that answer "now" at the tail', { sandbox: { traps: ['tail-now'] } }],
  ['pages that answer the last entry at the tail', { sandbox: { traps: ['tail-last'] } }],
  ['pages that answer nothing at the tail', { sandbox: { traps: ['tail-absent'] } }],
  ['pages that answer the future at the tail', { sandbox: { traps: ['tail-future'] } }],
  ['pages that repeat entries at the tail', { sandbox: { traps: ['tail-repeats-entries', 'inclusive'] } }],
  ['ties larger than a page', { sandbox: { entries: 3000, traps: ['big-ties'] } }],
  ['ties larger than a page, inclusive', { sandbox: { entries: 3000, traps: ['big-ties', 'inclusive'] } }],
  ['entries that are null where there are none', { sandbox: { traps: ['entries-null'] } }],
  ['entries that are missing where there are none', { sandbox: { traps: ['entries-missing'] } }],
  ['positions cut to seconds', { sandbox: { traps: ['seconds-cursor'] } }],
  ['positions that do not advance at times', { sandbox: { traps: ['stuck-cursor'] } }],
  ['positions that go backwards at times', { sandbox: { traps: ['backward-cursor'] } }],
  ['short pages', { sandbox: { traps: ['short-pages'] } }],
  ['empty pages in the middle', { sandbox: { traps: ['empty-pages'] } }],
  ['a page size that is refused', { pageSize: 500, sandbox: { traps: ['limit-refused'] } }],
  ['nanoseconds', { sandbox: { traps: ['nanoseconds'] } }],
  ['offsets in timestamps', { sandbox: { traps: ['offset-timestamps'] } }],
  ['ids that are no UUIDs', { sandbox: { traps: ['non-uuid-ids'] } }],
  ['repeated ids', { sandbox: { traps: ['repeated-ids'] } }],
  ['an organization that is not told', { sandbox: { traps: ['organization-404'] } }],
  ['an empty log', { sandbox: { entries: 0 } }],
];

describe('a backfill', () => {
  it.each(sources)('exports every entry once from %s', async (_, options) => {
    const current = await start(options);
    await runBackfill(current.exporter, { from: undefined, to: nanosFromMs(Date.now()) }, limits);
    await expectWhole(current);
  });

  it('adds nothing when it is run again', async () => {
    const current = await start({});
    for (let time = 0; time < 2; time += 1) {
      await runBackfill(current.exporter, { from: undefined, to: nanosFromMs(Date.now()) }, limits);
    }
    await expectWhole(current);
  });

  it.each([
    'reset',
    'cut-body',
    'short-body',
    'empty-body',
    'html-502',
    'html-200',
    'not-utf8',
    'server-error',
    'unavailable',
    'hang-headers=x2',
    'hang-body=x2',
    'rate-limit-429-seconds',
    'retry-after-zero',
  ])('gets through %s without losing or doubling anything', async (trap) => {
    const current = await start({ sandbox: { traps: [trap] }, pageSize: 20 });
    await runBackfill(current.exporter, { from: undefined, to: nanosFromMs(Date.now()) }, limits);
    await expectWhole(current);
  });
});

describe('a single sweep', () => {
  it('exports the past at first contact and what is new and late afterwards', async () => {
    const current = await start({});
    await runOnce(current.exporter, limits);
    await expectWhole(current);
    const now = BigInt(Date.now()) * 1_000_000n;
    current.sandbox.append([{}, {}, { createdAt: now - 600_000_000_000n }]);
    await runOnce(current.exporter, limits);
    await expectWhole(current);
  });

  it('does not chase a log that grows faster than it is read', async () => {
    const current = await start({ sandbox: { growPerSecond: 500, latencyMs: 10 } });
    await runOnce(current.exporter, limits);
    const held = (await current.warehouse()).length;
    expect(held).toBeGreaterThanOrEqual(300);
    // Full pages of 100 entries up to the clock of its start, and a few more; each later one would hold but a few.
    expect(current.sandbox.counters.pages).toBeLessThan(held / 100 + 12);
  });

  it('writes the vendor’s id of the organization into the archive', async () => {
    const current = await start({});
    await runOnce(current.exporter, limits);
    const identity = await readFile(join(current.archive, 'organization=acme/archive.json'), 'utf8');
    expect(JSON.parse(identity)).toMatchObject({ organization: { id: current.sandbox.organization.id } });
  });
});

describe('a sink that starts at a time', () => {
  it('gets nothing older on a fresh store, although the past is read after it was added', async () => {
    const current = await start({ from: 'now', sinks: (places) => allSinks(places).slice(0, 1) });
    await runOnce(current.exporter, limits);
    expect(await current.warehouse()).toEqual([]);
    const added = current.sandbox.append([{}, {}]).map((entry) => entry.raw.toString('utf8'));
    await runOnce(current.exporter, limits);
    expect((await current.warehouse()).map((row) => row.raw)).toEqual(added);
    // Its last acknowledged entry is one that it was given, so it is found again.
    await runOnce(current.exporter, limits);
  });

  it('gets what was created from that time on', async () => {
    const probe = await start({ sandbox: { entries: 200 } });
    const [, , middle] = probe.sandbox.truth().slice(98);
    await probe.close();
    const from = nanos(middle?.createdAt ?? 0n);
    const current = await start({
      sandbox: { entries: 200, now: () => Number(probe.sandbox.truth().at(-1)?.createdAt ?? 0n) / 1e6 },
      from,
      sinks: (places) => allSinks(places).slice(0, 1),
    });
    await runOnce(current.exporter, limits);
    const expected = current.sandbox.truth().filter((entry) => entry.createdAt >= from);
    expect((await current.warehouse()).map((row) => row.raw).toSorted()).toEqual(
      expected.map((entry) => entry.raw.toString('utf8')).toSorted(),
    );
  });
});
