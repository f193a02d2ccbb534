/** Reconciling against a sandbox, a real PostgreSQL and real sinks, each difference made by hand. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Sink } from '../../../sinks/sink.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import { createStdoutSink } from '../../../sinks/stdout.ts';
import type { AuditSource } from '../../../src/cloud-api/audit-page.ts';
import { runBackfill, runOnce } from '../../../src/exporter/one-shot.ts';
import { append } from '../../../src/ledger/append.ts';
import { underLease } from '../../../src/ledger/operator-lease.ts';
import { findOrganization, type Organization } from '../../../src/ledger/organizations.ts';
import { silentLogger } from '../../../src/logger.ts';
import { reconcile, differencesIn, type Reconciliation } from '../../../src/proof/reconcile/reconcile.ts';
import { otherPageSize } from '../../../src/proof/reconcile/source-comparison.ts';
import { nanos, nanosFromMs, type Nanos } from '../../../src/time.ts';
import { startExportRun, type ExportRun, type ExportRunOptions } from '../../helpers/export-run.ts';

let run: ExportRun;
const signal = new AbortController().signal;

afterEach(() => run.close());

async function exported(options: ExportRunOptions = {}): Promise<void> {
  run = await startExportRun(options);
  const range = { from: undefined, to: nanosFromMs(Date.now()) };
  await runBackfill(run.exporter, range, { signal, giveUpAfterMs: 10_000 });
}

async function organization(): Promise<Organization> {
  const found = await findOrganization(run.exporter.ledger, 'acme');
  if (found === undefined) throw new TypeError('not exported yet');
  return found;
}

interface Compared {
  readonly from?: Nanos;
  readonly to?: Nanos;
  readonly repair?: boolean;
  readonly source?: AuditSource;
  readonly sinks?: readonly Sink[];
}

async function compare(options: Compared = {}): Promise<Reconciliation> {
  const { ledger, organizations, sinks, settings } = run.exporter;
  const acme = await organization();
  const [configured] = organizations;
  if (configured === undefined) throw new TypeError('no organization');
  const base = {
    ledger,
    organization: acme,
    source: options.source ?? configured.source,
    sinks: options.sinks ?? sinks.map(({ sink }) => sink),
    range: { from: options.from ?? nanos(0n), to: options.to ?? nanosFromMs(Date.now()) },
    pageSize: settings.pageSize,
    repair: undefined,
    onProgress: () => undefined,
    logger: silentLogger,
    signal,
  };
  if (options.repair !== true) return await reconcile(base);
  const target = { work: 'read', organization: acme.id } as const;
  return await underLease(ledger, { target, organization: 'acme' }, (lease) =>
    reconcile({
      ...base,
      repair: async (entries) => {
        const { added, changed } = await append(ledger, lease, { entries, move: { kind: 'none' } });
        return added.length + changed.length;
      },
    }),
  );
}

/** As if it had never been read: the row is gone, what stands around it is not. */
async function forget(sequence: number): Promise<string> {
  const { rows } = await run.exporter.ledger.database.query<{ entry: string }>(
    'DELETE FROM ledger.ledger_rows WHERE sequence = $1 RETURNING entry',
    [sequence],
  );
  return rows[0]?.entry ?? '';
}

function counts(result: Reconciliation): object {
  const { missing, extra, changed, unread, drifted, recorded, expired } = result;
  const all = { missing, extra, changed, unread, drifted, recorded, expired };
  return Object.fromEntries(
    Object.entries(all).flatMap(([kind, { count }]) => (count === 0 ? [] : [[kind, count]])),
  );
}

describe('a whole copy', () => {
  it('has no difference from the API or any sink', async () => {
    await exported({ sandbox: { entries: 1500, historyDays: 40 } });
    const result = await compare();
    expect([counts(result), differencesIn(result), result.isCut]).toEqual([{}, 0, true]);
    expect(result.sinks).toMatchObject([
      { sink: 'warehouse', compared: result.atSource, notCompared: undefined },
      { sink: 'disk', compared: result.atSource, notCompared: undefined },
    ]);
    expect(result.atSource).toBeGreaterThan(1490);
  });

  it.each([
    'inclusive',
    'exclusive-then-inclusive',
    'tail-now',
    'tail-last',
    'tail-absent',
    'tail-echo',
    'tail-future',
    'tail-repeats-entries',
    'seconds-cursor',
    'stuck-cursor',
    'backward-cursor',
    'short-pages',
    'empty-pages',
    'repeated-ids',
    'big-ties',
    'nanoseconds',
    'offset-timestamps',
    'non-uuid-ids',
    'no-id',
    'no-created-at',
    'limit-refused',
  ])('has none on a server with the trap %s either', async (trap) => {
    await exported({ sandbox: { entries: 1400, traps: [trap], historyDays: 5 }, pageSize: 300 });
    const result = await compare();
    expect([counts(result), result.sinks.map(({ missing }) => missing.count)]).toEqual([{}, [0, 0]]);
  });

  it('prints otherwise than before: told, and no difference', async () => {
    await exported({ sandbox: { entries: 200 } });
    run.sandbox.setTraps(['payload-object']);
    const result = await compare();
    expect(result.drifted.count).toBeGreaterThan(0);
    expect(differencesIn(result)).toBe(0);
  });

  it('is asked for in pages of another size, from another start', async () => {
    await exported({ sandbox: { entries: 800, historyDays: 30 }, pageSize: 100 });
    const before = run.sandbox.requests.length;
    const from = nanosFromMs(Date.now() - 20 * 86_400_000);
    await compare({ from });
    const queries = run.sandbox.requests
      .slice(before)
      .map(({ query }) => new URLSearchParams(query))
      .filter((query) => query.has('limit') && query.get('limit') !== '10');
    expect(queries.length).toBeGreaterThan(2);
    expect(new Set(queries.map((query) => query.get('limit')))).toEqual(
      new Set([String(otherPageSize(100))]),
    );
    const start = Date.parse(queries[0]?.get('starting_from') ?? '');
    expect(start).toBeLessThan(Number(from / 1_000_000n) - 59_000);
  });
});

describe('what the ledger lacks', () => {
  it('is missing, and appended by a repair as late entries without moving a position', async () => {
    await exported({ sandbox: { entries: 600, historyDays: 20 } });
    const gone = [await forget(100), await forget(101), await forget(350)];
    const found = await compare();
    expect(counts(found)).toEqual({ missing: 3 });
    expect(found.missing.entries.map(({ id }) => id).toSorted()).toEqual(gone.toSorted());
    expect(differencesIn(found)).toBe(3);

    const before = await organization();
    const repaired = await compare({ repair: true, sinks: [] });
    expect([repaired.repaired, differencesIn(repaired)]).toEqual([3, 0]);
    const after = await organization();
    expect({ ...after, nextSequence: before.nextSequence }).toEqual(before);
    expect(after.nextSequence).toBe(before.nextSequence + 3);
    expect(counts(await compare({ sinks: [] }))).toEqual({});
    const { rows } = await run.exporter.ledger.database.query<{ detail: string }>(
      `SELECT detail FROM ledger.journal WHERE what = 'reconciled' ORDER BY at`,
    );
    expect(rows.map(({ detail }) => JSON.parse(detail) as object)).toMatchObject([
      { missing: 3, repaired: 0 },
      { missing: 3, repaired: 3 },
      { missing: 0, repaired: 0 },
    ]);
  });

  it('is not missing in time that nobody asked for', async () => {
    run = await startExportRun({ sandbox: { entries: 400, historyDays: 40 } });
    const from = nanosFromMs(Date.now() - 10 * 86_400_000);
    await runBackfill(run.exporter, { from, to: nanosFromMs(Date.now()) }, { signal, giveUpAfterMs: 10_000 });
    const result = await compare({ repair: true });
    expect(Object.keys(counts(result))).toEqual(['unread']);
    expect([result.repaired, differencesIn(result)]).toEqual([0, result.unread.count]);
    expect(counts(await compare({ from }))).toEqual({});
  });

  it('is looked for once more in the end, since another process may have read it meanwhile', async () => {
    await exported({ sandbox: { entries: 300, historyDays: 10 } });
    const [configured] = run.exporter.organizations;
    if (configured === undefined) throw new TypeError('no organization');
    const { rows } = await run.exporter.ledger.database.query(
      'SELECT * FROM ledger.ledger_rows WHERE sequence = 150',
    );
    await forget(150);
    const newest = run.sandbox.truth().at(-1)?.id;
    let isInserted = false;
    const source: AuditSource = {
      ...configured.source,
      auditLogPage: async (request) => {
        const page = await configured.source.auditLogPage(request);
        const [row] = rows;
        const isLast = page.entries.some(({ fields }) => fields.id === newest);
        if (!isLast || isInserted || row === undefined) return page;
        isInserted = true;
        await run.exporter.ledger.database.query(
          `INSERT INTO ledger.ledger_rows (organization, entry, sequence, created_at, line_sha256, content_sha256, segment)
           VALUES ($1, $2, $3, $4, $5, $6, $7)`,
          Object.values(row),
        );
        return page;
      },
    };
    expect(counts(await compare({ source, sinks: [] }))).toEqual({});
    expect(isInserted).toBe(true);
  });
});

describe('what the API lacks', () => {
  it('is extra, with the ids the API gave', async () => {
    await exported({ sandbox: { entries: 300, historyDays: 10, traps: ['non-uuid-ids'] } });
    const hidden = run.sandbox.truth()[120];
    const [configured] = run.exporter.organizations;
    if (hidden === undefined || configured === undefined) throw new TypeError('nothing to hide');
    const result = await compare({ source: without(configured.source, (id) => id === hidden.id) });
    expect(counts(result)).toEqual({ extra: 1 });
    expect(result.extra.entries.map(({ id }) => id)).toEqual([hidden.id]);
  });

  it('is expired where it is older than all that the API still has', async () => {
    await exported({ sandbox: { entries: 300, historyDays: 10 } });
    const truth = run.sandbox.truth();
    const old = new Set(truth.slice(0, 50).map(({ id }) => id));
    const [configured] = run.exporter.organizations;
    if (configured === undefined) throw new TypeError('no organization');
    const result = await compare({ source: without(configured.source, (id) => old.has(id)) });
    expect([counts(result), differencesIn(result)]).toEqual([{ expired: 50 }, 0]);
  });

  it('is never expired where the API shows nothing at all', async () => {
    await exported({ sandbox: { entries: 100, historyDays: 10 } });
    const [configured] = run.exporter.organizations;
    if (configured === undefined) throw new TypeError('no organization');
    const result = await compare({ source: without(configured.source, () => true), sinks: [] });
    expect(Object.keys(counts(result))).toEqual(['extra']);
  });
});

describe('an entry with other content', () => {
  it('is changed until its content is kept, then it is told and no difference', async () => {
    await exported({ sandbox: { entries: 200, historyDays: 10 } });
    const id = run.sandbox.truth()[70]?.id ?? '';
    run.sandbox.change(id, (raw) => raw.replace('"action":"', '"action":"X_'));
    const first = await compare();
    expect([counts(first), first.changed.entries.map((entry) => entry.id)]).toEqual([{ changed: 1 }, [id]]);
    expect(differencesIn(await compare({ repair: true }))).toBe(0);
    const last = await compare();
    expect([counts(last), differencesIn(last)]).toEqual([{ recorded: 1 }, 0]);
  });
});

describe('a sink', () => {
  it('lacks rows that were deleted, and holds altered ones, each told with its id', async () => {
    await exported({ sandbox: { entries: 300, historyDays: 10 } });
    const [, deleted, altered] = await run.warehouse();
    const table = 'audit.cockroach_cloud_entries';
    await run.database.query(`DELETE FROM ${table} WHERE id = $1`, [deleted?.id ?? '']);
    await run.database.query(`UPDATE ${table} SET sha256 = $2 WHERE id = $1`, [
      altered?.id ?? '',
      Buffer.alloc(32),
    ]);
    const result = await compare();
    expect(counts(result)).toEqual({});
    expect(differencesIn(result)).toBe(2);
    const [warehouse, disk] = result.sinks;
    expect(warehouse?.missing.entries.map(({ id }) => id)).toEqual([deleted?.id]);
    expect(warehouse?.altered.entries.map(({ id }) => id)).toEqual([altered?.id]);
    expect(warehouse?.advice).toContain('offset reset acme warehouse');
    expect([disk?.missing.count, disk?.altered.count, disk?.advice]).toEqual([0, 0, undefined]);
  });

  it('lacks the entries of an object that was deleted, altered, or cut', async () => {
    await exported({ sandbox: { entries: 300, historyDays: 3 } });
    const path = await archivedObject();
    const stored = readFileSync(path);
    const lines = gunzipSync(stored).toString('utf8').split('\n').slice(0, -1);
    const altered = lines.map((line, index) => (index === 1 ? line.replace('"id":"', '"id":"0') : line));

    await writeFile(path, gzipSync(`${altered.join('\n')}\n`));
    expect((await compare()).sinks[1]).toMatchObject({ missing: { count: 0 }, altered: { count: 1 } });
    await writeFile(path, gzipSync(`${lines.slice(0, -1).join('\n')}\n`));
    expect((await compare()).sinks[1]).toMatchObject({ missing: { count: 1 }, altered: { count: 0 } });
    await writeFile(path, stored.subarray(0, -4));
    expect((await compare()).sinks[1]).toMatchObject({ altered: { count: lines.length } });
    await rm(path);
    const result = (await compare()).sinks[1];
    expect(result).toMatchObject({ missing: { count: lines.length }, altered: { count: 0 } });
    expect(result?.advice).toContain('verify');
  });

  it('is not asked for what it was not given yet, parked, or begins after', async () => {
    await exported({ sandbox: { entries: 200, historyDays: 10 } });
    const { database } = run.exporter.ledger;
    await database.query(
      `UPDATE ledger.deliveries SET first_sequence = 11, acknowledged = 150 WHERE sink = 'warehouse'`,
    );
    await database.query(
      `INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason) VALUES (1, 'warehouse', 20, 'x', 'x')`,
    );
    await run.database.query(
      'DELETE FROM audit.cockroach_cloud_entries WHERE sequence > 150 OR sequence < 11 OR sequence = 20',
    );
    const [warehouse] = (await compare()).sinks;
    expect(warehouse).toMatchObject({ compared: 139, missing: { count: 0 }, altered: { count: 0 } });
  });

  it('that prints is told as not comparable, one that is away as unavailable', async () => {
    await exported({ sandbox: { entries: 50 } });
    const console = createStdoutSink({ name: 'console', format: 'raw', stream: process.stdout });
    const [warehouse] = run.exporter.sinks;
    if (warehouse === undefined) throw new TypeError('no sink');
    const away: Sink = {
      ...warehouse.sink,
      open: () => Promise.reject(new SinkError('It is away.', { code: 'away', retryable: true })),
    };
    const { sinks } = await compare({ sinks: [console, away] });
    expect(sinks).toMatchObject([
      { sink: 'console', isUnavailable: false, compared: 0 },
      { sink: 'warehouse', isUnavailable: true, notCompared: 'It is away.' },
    ]);
  });

  it('of a third party without a comparison of its own is asked entry by entry', async () => {
    await exported({ sandbox: { entries: 60 } });
    const [warehouse] = run.exporter.sinks;
    if (warehouse === undefined) throw new TypeError('no sink');
    const plain: Sink = Object.fromEntries(
      Object.entries(warehouse.sink).filter(([name]) => name !== 'compare'),
    ) as unknown as Sink;
    await run.database.query('DELETE FROM audit.cockroach_cloud_entries WHERE sequence = 7');
    const { sinks } = await compare({ sinks: [plain] });
    expect(sinks[0]?.missing.entries.map(({ sequence }) => sequence)).toEqual([7]);
  });
});

it('an organization that was never read has nothing to compare', async () => {
  run = await startExportRun({ sandbox: { entries: 10 } });
  await runOnce({ ...run.exporter, sinks: [] }, { signal, giveUpAfterMs: 10_000 });
  await expect(compare({ from: nanosFromMs(Date.now() + 60_000) })).rejects.toMatchObject({
    code: 'range_not_read',
  });
});

/** The second of the archive's objects. */
async function archivedObject(): Promise<string> {
  const root = join(run.archive, 'organization=acme/entries');
  const files = await readdir(root, { recursive: true });
  return join(root, files.filter((file) => file.endsWith('.jsonl.gz')).toSorted()[1] ?? '');
}

/** The API after somebody has deleted entries there. */
function without(source: AuditSource, isGone: (id: string) => boolean): AuditSource {
  return {
    ...source,
    auditLogPage: async (request) => {
      const page = await source.auditLogPage(request);
      return { ...page, entries: page.entries.filter(({ fields }) => !isGone(String(fields.id))) };
    },
  };
}
