/** From an archive back to a ledger, on a real PostgreSQL, over a sandbox, with the sinks of a real export. */
import { mkdir, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { createFileObjectStore } from '../../../src/archive/file-object-store.ts';
import { generateSigningKey, parseSigningKey } from '../../../src/archive/digest/signing-key.ts';
import type { ObjectStore } from '../../../src/archive/object-store.ts';
import type { Exporter } from '../../../src/exporter/exporter.ts';
import { runBackfill } from '../../../src/exporter/one-shot.ts';
import { acquireLease } from '../../../src/ledger/leases.ts';
import { openLedger, openLedgerForRestore, type Ledger } from '../../../src/ledger/ledger.ts';
import { findOrganization } from '../../../src/ledger/organizations.ts';
import { silentLogger } from '../../../src/logger.ts';
import { restore, type RestoreOptions, type RestoreResult } from '../../../src/proof/restore/restore.ts';
import { nanosFromMs } from '../../../src/time.ts';
import { createAuditSource } from '../../../src/cloud-api/index.ts';
import { renameOrganization } from '../../../src/ledger/rename.ts';
import { startSandbox } from '../../../src/sandbox/index.ts';
import { archivedLines } from '../../helpers/archive-read-back.ts';
import { delegated } from '../../helpers/delegated-store.ts';
import { startExportRun, type ExportRun, type ExportRunOptions } from '../../helpers/export-run.ts';

let run: ExportRun;
const signal = new AbortController().signal;
const schema = 'ccloud_audit';
const key = generateSigningKey();

afterEach(() => run.close());

async function backfill(exporter: Exporter = run.exporter): Promise<void> {
  const range = { from: undefined, to: nanosFromMs(Date.now()) };
  await runBackfill(exporter, range, { signal, giveUpAfterMs: 10_000 });
}

async function exported(options: ExportRunOptions = {}): Promise<void> {
  run = await startExportRun({ sandbox: { entries: 450, historyDays: 12 }, ...options });
  await backfill();
}

async function loseTheStore(): Promise<void> {
  await run.database.query(`DROP SCHEMA ${schema} CASCADE`);
}

const storeOptions = { schema, migrate: true, leaseMs: 5000, logger: silentLogger };

async function restored(overrides: Partial<RestoreOptions> = {}): Promise<RestoreResult> {
  const { ledger, mark } = await openLedgerForRestore({ database: run.database, ...storeOptions });
  const store = createFileObjectStore({ directory: run.archive });
  return await restore({
    ledger,
    mark,
    store,
    sink: { name: 'disk', type: 'file', fingerprint: store.fingerprint },
    keys: [],
    allowUnsigned: false,
    allowUnsignedEnd: false,
    heads: [],
    organizations: undefined,
    configured: new Map([['acme', undefined]]),
    version: '1.2.3',
    onProgress: () => undefined,
    logger: silentLogger,
    signal,
    ...overrides,
  });
}

async function exporterAfter(): Promise<Exporter> {
  const ledger = await openLedger({ database: run.database, ...storeOptions });
  return { ...run.exporter, ledger };
}

interface Evidence {
  readonly rows: readonly object[];
  readonly objects: readonly object[];
  readonly digests: readonly object[];
}

/** What a ledger is made of, as far as an archive can bring it back. */
async function evidence(): Promise<Evidence> {
  const all = async (sql: string): Promise<readonly object[]> => (await run.database.query(sql)).rows;
  return {
    rows: await all(
      `SELECT entry, sequence, created_at, encode(line_sha256, 'hex') AS line, encode(content_sha256, 'hex') AS content
       FROM ${schema}.ledger_rows ORDER BY organization, sequence`,
    ),
    objects: await all(
      `SELECT o.key, o.first_sequence, o.last_sequence, o.entries, o.raw_bytes, o.content_sha256, o.stored_sha256,
         o.stored_bytes, o.confirmed_at IS NOT NULL AS is_confirmed, e.merkle_root, e.first_id, e.last_id,
         e.first_created_at, e.last_created_at
       FROM ${schema}.objects o LEFT JOIN ${schema}.object_evidence e USING (organization, sink, first_sequence)
       ORDER BY o.first_sequence`,
    ),
    digests: await all(
      `SELECT number, reason, key, payload_sha256, through_sequence, objects, entries, chain_sha256, key_id,
         next_key_id, confirmed_at IS NOT NULL AS is_confirmed FROM ${schema}.digests ORDER BY number`,
    ),
  };
}

async function files(part: string): Promise<string[]> {
  const found = await readdir(run.archive, { recursive: true, withFileTypes: true });
  return found
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((path) => path.includes(part))
    .toSorted((one, other) => (one.split('/').at(-1) ?? '').localeCompare(other.split('/').at(-1) ?? ''));
}

async function archived(): Promise<{ sequence: number; raw: string }[]> {
  const objects: [string, Buffer][] = [];
  for (const path of await files('organization='))
    objects.push([relative(run.archive, path), await readFile(path)]);
  return archivedLines(objects, 'acme');
}

async function tablesHold(): Promise<object> {
  const { rows } = await run.database.query(
    `SELECT (SELECT count(*) FROM ${schema}.ledger_rows) AS rows, (SELECT count(*) FROM ${schema}.segments) AS segments,
       (SELECT count(*) FROM ${schema}.objects) AS objects, (SELECT count(*) FROM ${schema}.organizations) AS organizations,
       (SELECT count(*) FROM ${schema}.digests) AS digests`,
  );
  return rows[0] ?? {};
}

async function offsets(): Promise<readonly object[]> {
  const sql = `SELECT sink, acknowledged, next_sequence FROM ${schema}.deliveries d
    JOIN ${schema}.organizations o ON o.id = d.organization ORDER BY sink`;
  return (await run.database.query(sql)).rows;
}

const nothing = { rows: '0', segments: '0', objects: '0', organizations: '0', digests: '0' };

async function expectWholeAfterNextRun(signing: Exporter['digests'] = run.exporter.digests): Promise<void> {
  run.sandbox.append(Array.from({ length: 130 }, () => ({})));
  await backfill({ ...(await exporterAfter()), digests: signing });
  const truth = run.sandbox.truth().map(({ raw }) => raw.toString('utf8'));
  const warehouse = await run.warehouse();
  expect(warehouse.map(({ sequence }) => sequence)).toEqual(truth.map((_, index) => index + 1));
  expect(warehouse.map(({ raw }) => raw).toSorted()).toEqual(truth.toSorted());
  const lines = await archived();
  expect(lines.map(({ sequence }) => sequence)).toEqual(truth.map((_, index) => index + 1));
  expect(lines.map(({ raw }) => raw)).toEqual(warehouse.map(({ raw }) => raw));
}

describe('after the database was lost', () => {
  it('rows, objects and digests come back as they were, and the next run goes on without a gap or a double', async () => {
    await exported();
    const before = await evidence();
    const { ledgerId } = run.exporter.ledger;
    await loseTheStore();
    const result = await restored();
    expect(result).toMatchObject({
      outcome: 'restored',
      ledgerId,
      organizations: [
        {
          organization: 'acme',
          restored: 450,
          held: 0,
          head: 450,
          notYetSigned: 0,
          objects: before.objects.length,
        },
      ],
    });
    expect(before.digests.length).toBeGreaterThan(0);
    expect(await evidence()).toEqual(before);
    const exporter = await exporterAfter();
    expect(exporter.ledger.ledgerId).toBe(ledgerId);
    const acme = await findOrganization(exporter.ledger, 'acme');
    expect(acme?.cloudId).toBe(run.sandbox.organization.id);
    expect([acme?.boundary, acme?.tailCheckpoint]).toEqual([undefined, undefined]);
    await expectWholeAfterNextRun();
    const names = (await files('/entries/')).map((path) => Number(path.split('/').at(-1)?.slice(0, 12)));
    expect(names[before.objects.length]).toBe(451);
  });

  it('what came after the newest digest is restored as not yet signed', async () => {
    await exported();
    for (const path of await files('/digests/')) await unlink(path);
    await loseTheStore();
    expect(await restored()).toMatchObject({
      organizations: [{ restored: 450, digests: 0, notYetSigned: 450 }],
    });
    await expectWholeAfterNextRun();
  });

  it('entries without an id or a time come back, filed under the beginning of their day', async () => {
    await exported({
      sandbox: { entries: 300, historyDays: 5, traps: ['no-id', 'no-created-at', 'non-uuid-ids'] },
    });
    const before = await evidence();
    await loseTheStore();
    await restored();
    const without = (rows: readonly object[]): object[] => rows.map((row) => ({ ...row, created_at: '' }));
    const after = await evidence();
    expect(without(after.rows)).toEqual(without(before.rows));
    const moved = after.rows.filter(
      (row, index) => JSON.stringify(row) !== JSON.stringify(before.rows[index]),
    );
    const times = moved.map((row) => BigInt((row as { created_at: string }).created_at));
    expect(times.length).toBeGreaterThan(0);
    expect(times.every((time) => time % 86_400_000_000_000n === 0n)).toBe(true);
    await backfill(await exporterAfter());
    expect((await run.warehouse()).length).toBe(300);
  });

  it('an organization that was renamed comes back as one, under its present name', async () => {
    await exported();
    await renameOrganization(run.exporter.ledger, 'acme', 'acme-2');
    const renamed = (exporter: Exporter): Exporter => ({
      ...exporter,
      organizations: exporter.organizations.map((one) => ({ ...one, name: 'acme-2' })),
    });
    run.sandbox.append(Array.from({ length: 120 }, () => ({})));
    await backfill(renamed(run.exporter));
    const before = await evidence();
    await loseTheStore();
    const result = await restored({ configured: new Map([['acme-2', undefined]]) });
    expect(result).toMatchObject({ organizations: [{ organization: 'acme-2', restored: 570 }] });
    expect(await evidence()).toEqual(before);
    run.sandbox.append([{}]);
    const exporter = renamed(await exporterAfter());
    await backfill({ ...exporter, sinks: exporter.sinks.filter(({ sink }) => sink.name === 'disk') });
    const names = (await files('/entries/')).map((path) => relative(run.archive, path));
    expect(names.at(-1)).toMatch(/^organization=acme-2\/.*\/000000000571\.jsonl\.gz$/);
  });

  it('several organizations come back together, or one after the other', async () => {
    await exported();
    const other = await startSandbox({ entries: 80, organization: { id: 'another-organization' } });
    const source = createAuditSource({ url: other.url, apiKey: other.apiKey, requestsPerSecond: 1000 });
    try {
      const second = { name: 'zeta', source, keyGeneration: () => 0, startFrom: undefined };
      const both = (exporter: Exporter): Exporter => ({
        ...exporter,
        organizations: [...exporter.organizations, second],
      });
      await backfill(both(run.exporter));
      await loseTheStore();
      expect(await restored({ organizations: ['zeta'] })).toMatchObject({
        organizations: [{ organization: 'zeta', restored: 80 }],
      });
      expect(await restored()).toMatchObject({
        organizations: [
          { organization: 'acme', restored: 450, held: 0 },
          { organization: 'zeta', restored: 0, held: 80 },
        ],
      });
      await backfill(both(await exporterAfter()));
      const { rows } = await run.database.query(
        `SELECT name, next_sequence FROM ${schema}.organizations ORDER BY name`,
      );
      expect(rows).toEqual([
        { name: 'acme', next_sequence: '451' },
        { name: 'zeta', next_sequence: '81' },
      ]);
    } finally {
      await source.close();
      await other.close();
    }
  });

  it('a restore that was cut off leaves a store that nobody can use, and goes on when it is run again', async () => {
    await exported();
    const before = await evidence();
    await loseTheStore();
    const store = createFileObjectStore({ directory: run.archive });
    let reads = 0;
    const breaking: ObjectStore = {
      ...delegated(store),
      get: async (name, options) => {
        if (name.includes('/entries/')) reads += 1;
        if (reads > before.objects.length + 2) throw new Error('the machine went away');
        return await store.get(name, options);
      },
    };
    await expect(restored({ store: breaking })).rejects.toThrow('went away');
    await expect(exporterAfter()).rejects.toMatchObject({ code: 'restore_unfinished' });
    expect(await tablesHold()).toMatchObject({ organizations: '1', objects: '2' });
    const result = await restored();
    expect(result).toMatchObject({ organizations: [{ head: 450, held: expect.any(Number) as number }] });
    expect(await evidence()).toEqual(before);
    await expectWholeAfterNextRun();
  });
});

describe('an archive that is not what it should be', () => {
  it('is refused whatever was altered, removed or cut, and the empty store stays one', async () => {
    await exported();
    await loseTheStore();
    const [, object] = await files('/entries/');
    const path = object ?? '';
    const stored = await readFile(path);
    const text = gunzipSync(stored).toString('utf8');

    await writeFile(path, gzipSync(text.replace('"action":"', '"action":"X')));
    expect(await refused()).toContain('object_altered');
    await writeFile(path, stored.subarray(0, stored.length - 9));
    expect(await refused()).toContain('gzip_invalid');
    await unlink(path);
    expect(await refused()).toContain('object_missing');
    await writeFile(path, stored);

    const identity = join(run.archive, 'organization=acme/archive.json');
    const original = await readFile(identity, 'utf8');
    await writeFile(identity, original.replace(run.sandbox.organization.id, 'another-organization'));
    expect(await refused()).toContain('identity_mismatch');
    await writeFile(identity, original);
    const last = (await files('/entries/')).at(-1) ?? '';
    await rm(last);
    expect(await refused()).toContain('object_missing');
  });

  it('without digests is refused where an object in its middle is missing', async () => {
    await exported();
    await loseTheStore();
    for (const path of await files('/digests/')) await unlink(path);
    const [first, second] = await files('/entries/');
    const stored = await readFile(second ?? '');
    await unlink(second ?? '');
    expect(await refused()).toEqual(['sequence_gap']);
    await writeFile(second ?? '', stored);
    await unlink(first ?? '');
    await expect(restored()).rejects.toMatchObject({ code: 'archive_begins_late', kind: 'findings' });
    expect(await tablesHold()).toEqual(nothing);
  });

  it('that changes while it is restored leaves nothing behind', async () => {
    await exported();
    await loseTheStore();
    const store = createFileObjectStore({ directory: run.archive });
    const objects = (await files('/entries/')).length;
    let reads = 0;
    const changing: ObjectStore = {
      ...delegated(store),
      get: async (name, options) => {
        const found = await store.get(name, options);
        if (name.includes('/entries/')) reads += 1;
        if (reads !== objects + 3 || found === undefined || !name.includes('/entries/')) return found;
        const text = gunzipSync(found.bytes).toString('utf8');
        return { bytes: gzipSync(text.replace('"action":"', '"action":"X')) };
      },
    };
    await expect(restored({ store: changing })).rejects.toMatchObject({ code: 'archive_changed' });
    expect(await tablesHold()).toEqual(nothing);
    await restored();
    await expectWholeAfterNextRun();
  });
});

describe('signatures', () => {
  const signing = { signingKey: parseSigningKey(key) };

  async function signed(): Promise<void> {
    run = await startExportRun({ sandbox: { entries: 250, historyDays: 5 } });
    await backfill({ ...run.exporter, digests: signing });
    await loseTheStore();
  }

  it('are checked with the key, and another key is refused', async () => {
    await signed();
    const wrong = parseSigningKey(generateSigningKey()).publicKey;
    expect(await restored({ keys: [wrong] })).toMatchObject({
      outcome: 'refused',
      findings: [{ code: 'signature_untrusted' }],
    });
    expect(await restored({ keys: [parseSigningKey(key).publicKey] })).toMatchObject({ outcome: 'restored' });
  });

  it('can not be left unchecked by accident', async () => {
    await signed();
    expect(await restored()).toMatchObject({ outcome: 'refused', findings: [{ code: 'key_not_given' }] });
    expect(await restored({ allowUnsigned: true })).toMatchObject({ outcome: 'restored' });
  });

  it('that were removed are missed, and nobody goes on without them by accident', async () => {
    await signed();
    for (const path of await files('/digests/')) {
      const envelope = JSON.parse(await readFile(path, 'utf8')) as object;
      await writeFile(path, JSON.stringify({ ...envelope, signatures: [] }));
    }
    expect(await restored()).toMatchObject({
      outcome: 'refused',
      findings: [{ code: 'signature_removed' }],
    });
    expect(await restored({ allowUnsigned: true })).toMatchObject({ outcome: 'restored' });
  });

  it('are missed where a key is known and the archive has none', async () => {
    await exported();
    await loseTheStore();
    const { publicKey } = parseSigningKey(key);
    expect(await restored({ keys: [publicKey] })).toMatchObject({ outcome: 'refused' });
    expect(await restored({ keys: [publicKey], allowUnsigned: true })).toMatchObject({ outcome: 'restored' });
  });
});

describe('the end of an archive', () => {
  const signing = { signingKey: parseSigningKey(key) };
  const keys = [signing.signingKey.publicKey];

  /** Two digests; the newest one is lost again, so that what it listed is behind the one before. */
  async function signedButItsEnd(): Promise<{ readonly first: string; readonly second: string }> {
    run = await startExportRun({ sandbox: { entries: 250, historyDays: 5 } });
    const exporter = { ...run.exporter, digests: signing };
    await backfill(exporter);
    run.sandbox.append(Array.from({ length: 30 }, () => ({})));
    await backfill(exporter);
    const { rows } = await run.database.query<{ sha256: string }>(
      `SELECT encode(payload_sha256, 'hex') AS sha256 FROM ${schema}.digests ORDER BY number`,
    );
    await loseTheStore();
    const [first, second] = rows.map(({ sha256 }) => sha256);
    return { first: first ?? '', second: second ?? '' };
  }

  it('that nobody signed is refused, and restored where that was said, which is journalled', async () => {
    const { first } = await signedButItsEnd();
    await loseTheNewestDigest();
    expect(await refused({ keys })).toEqual(['end_unsigned']);
    expect(await refused({ keys, heads: [first] })).toEqual(['end_unsigned']);
    expect(await restored({ keys, heads: [first], allowUnsignedEnd: true })).toMatchObject({
      organizations: [{ restored: 280, digests: 1, notYetSigned: 30 }],
    });
    const { rows } = await run.database.query<{ detail: string }>(
      `SELECT detail FROM ${schema}.journal_entries WHERE what = 'restored'`,
    );
    expect(rows.map(({ detail }) => JSON.parse(detail) as object)).toMatchObject([
      { allowUnsignedEnd: true, heads: [first], organizations: [{ restored: 280, notYetSigned: 30 }] },
    ]);
    await expectWholeAfterNextRun(signing);
  });

  it('that was moved out of the archive comes back from the API', async () => {
    await signedButItsEnd();
    await loseTheNewestDigest();
    const unsigned = (await files('/entries/')).filter((path) => sequenceOf(path) > 250);
    expect(unsigned.length).toBeGreaterThan(0);
    for (const path of unsigned) await unlink(path);
    expect(await restored({ keys })).toMatchObject({ organizations: [{ restored: 250, notYetSigned: 0 }] });
    await expectWholeAfterNextRun(signing);
  });

  it('in which entries were planted is refused', async () => {
    await signedButItsEnd();
    const last = (await files('/entries/')).at(-1) ?? '';
    const planted = '{"id":"planted","created_at":"2026-01-01T00:00:00Z"}\n';
    const folder = join(run.archive, 'organization=acme/entries/date=2026-01-01');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '000000000281.jsonl.gz'), gzipSync(planted));
    expect(sequenceOf(last)).toBeLessThan(281);
    expect(await refused({ keys })).toEqual(['end_unsigned']);
  });

  it('is the one that was witnessed, or the archive is refused', async () => {
    const { first, second } = await signedButItsEnd();
    expect(await refused({ keys, heads: [first] })).toEqual(['head_not_newest']);
    expect(await refused({ keys, heads: [second, '0'.repeat(64)] })).toEqual(['head_unknown']);
    expect(await restored({ keys, heads: [second] })).toMatchObject({ outcome: 'restored' });
  });

  it('was cut off where the witnessed digest is gone, with all that it listed', async () => {
    const { second } = await signedButItsEnd();
    await loseTheNewestDigest();
    for (const path of await files('/entries/')) if (sequenceOf(path) > 250) await unlink(path);
    expect((await refused({ keys, heads: [second] })).toSorted()).toEqual([
      'head_not_newest',
      'head_unknown',
    ]);
  });

  it('has no witness where no digest is left', async () => {
    const { second } = await signedButItsEnd();
    for (const path of await files('/digests/')) await unlink(path);
    const codes = await refused({ keys, heads: [second], allowUnsigned: true });
    expect(codes.toSorted()).toEqual(['head_not_newest', 'head_unknown']);
  });
});

describe('a store that is not empty', () => {
  it('of another ledger is refused', async () => {
    await exported();
    await loseTheStore();
    const ledger = await openLedger({ database: run.database, ...storeOptions });
    await backfill({ ...run.exporter, ledger, sinks: [] });
    await expect(restored()).rejects.toMatchObject({ code: 'store_not_empty', kind: 'usage' });
  });

  it('of the same ledger is brought forward, as after a restored backup', async () => {
    await exported();
    const older = await snapshot();
    run.sandbox.append(Array.from({ length: 250 }, () => ({})));
    await backfill();
    const before = await evidence();
    await older();
    const stopped = backfill(await exporterAfter());
    await expect(stopped).rejects.toMatchObject({ code: 'store_older' });
    await older();
    expect(await restored()).toMatchObject({ organizations: [{ restored: 250, held: 450, head: 700 }] });
    expect(await evidence()).toEqual(before);
    await expectWholeAfterNextRun();
  });

  it('gets everything taken back when the archive changes while it is brought forward', async () => {
    await exported();
    const older = await snapshot();
    run.sandbox.append(Array.from({ length: 250 }, () => ({})));
    await backfill();
    const before = await evidence();
    await older();
    const held = [await evidence(), await tablesHold(), await offsets()];
    const objects = before.objects.length;
    const last = (await files('/entries/')).at(-1) ?? '';
    const store = createFileObjectStore({ directory: run.archive });
    let reads = 0;
    const changing: ObjectStore = {
      ...delegated(store),
      get: async (name, options) => {
        if (name.includes('/entries/')) reads += 1;
        return last.endsWith(name) && reads > objects ? undefined : await store.get(name, options);
      },
    };
    await expect(restored({ store: changing })).rejects.toMatchObject({ code: 'archive_changed' });
    expect(reads).toBe(2 * objects);
    expect([await evidence(), await tablesHold(), await offsets()]).toEqual(held);
    expect(await restored()).toMatchObject({ organizations: [{ restored: 250, held: 450 }] });
    expect(await evidence()).toEqual(before);
  });

  it('that went on by itself after its backup is refused and stays as it was', async () => {
    await exported();
    const older = await snapshot();
    run.sandbox.append(Array.from({ length: 250 }, () => ({})));
    await backfill();
    await older();
    const ledger = (await exporterAfter()).ledger;
    await run.database.query(
      `UPDATE ${schema}.ledger_rows SET line_sha256 = decode(repeat('00', 32), 'hex') WHERE sequence = 440`,
    );
    const held = await tablesHold();
    await expect(restored()).rejects.toMatchObject({ code: 'store_differs', kind: 'findings' });
    expect(await tablesHold()).toEqual(held);
    expect((await exporterAfter()).ledger.ledgerId).toBe(ledger.ledgerId);
  });

  it('is refused while another process works on it', async () => {
    await exported();
    const ledger: Ledger = { ...run.exporter.ledger, leaseMs: 60_000 };
    const lease = await acquireLease(ledger, { work: 'read', organization: 1 });
    await expect(restored()).rejects.toMatchObject({ kind: 'held' });
    await lease?.release();
    expect(await restored()).toMatchObject({ organizations: [{ restored: 0, held: 450 }] });
  });
});

async function loseTheNewestDigest(): Promise<void> {
  await unlink((await files('/digests/')).at(-1) ?? '');
}

function sequenceOf(path: string): number {
  return Number(path.split('/').at(-1)?.slice(0, 12));
}

/** The codes of what was found, and that nothing was written. */
async function refused(overrides: Partial<RestoreOptions> = {}): Promise<string[]> {
  const result = await restored(overrides);
  expect(await tablesHold()).toEqual(nothing);
  expect((await exporterAfter()).ledger.ledgerId).not.toBe('');
  return result.outcome === 'refused' ? [...new Set(result.findings.map(({ code }) => code))] : [];
}

/** Keeps every row of the store; what it gives back puts the store back to it. */
async function snapshot(): Promise<() => Promise<void>> {
  const kept = 'kept_backup';
  const { rows } = await run.database.query<{ table_name: string }>(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = $1 AND table_type = 'BASE TABLE'`,
    [schema],
  );
  const tables = rows.map(({ table_name: name }) => name);
  await run.database.query(`CREATE SCHEMA ${kept}`);
  for (const table of tables)
    await run.database.query(`CREATE TABLE ${kept}.${table} AS SELECT * FROM ${schema}.${table}`);
  return async () => {
    for (const table of tables) {
      await run.database.query(`DELETE FROM ${schema}.${table}`);
      await run.database.query(`INSERT INTO ${schema}.${table} SELECT * FROM ${kept}.${table}`);
    }
  };
}
