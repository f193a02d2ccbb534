/** The operators' commands as they are run: the built program against a real PostgreSQL. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  anotherLedger,
  createFilledLedger,
  filledSchema,
  leaseOf,
  openTestDatabase,
  rawOf,
  type FilledLedger,
} from '../helpers/filled-ledger.ts';
import { createTestDatabase } from '../helpers/postgres.ts';
import { runProgram, type Ended } from './run-program.ts';

let directory: string;
let filled: FilledLedger;
let config: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-commands-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  filled = await createFilledLedger();
  await filled.fill(10);
  config = join(directory, 'config.yaml');
  await writeFile(
    config,
    `store: { url: "${filled.url}", schema: ${filledSchema} }
sinks:
  - { name: warehouse, type: postgres, table: sunk.entries }
log: { level: error }
`,
  );
});

afterEach(async () => {
  await filled.close();
});

async function audit(...words: readonly string[]): Promise<Ended> {
  return await runProgram(words, { env: { CCLOUD_AUDIT_CONFIG: config } });
}

async function json(...words: readonly string[]): Promise<unknown> {
  const ended = await audit(...words, '-o', 'json');
  expect(ended).toMatchObject({ exitCode: 0 });
  return JSON.parse(ended.stdout);
}

describe('ccloud-audit query', () => {
  it('prints rows as a table, as JSON and as CSV', async () => {
    const sql = 'SELECT sequence, organization FROM entries ORDER BY sequence LIMIT 2';
    const table = await audit('query', sql);
    expect(table).toMatchObject({ exitCode: 0, stderr: '' });
    expect(table.stdout).toMatch(/^SEQUENCE {2}ORGANIZATION\n1 +acme\n2 +acme\n$/);
    expect(await json('query', sql)).toEqual({
      columns: ['sequence', 'organization'],
      rows: [
        { sequence: '1', organization: 'acme' },
        { sequence: '2', organization: 'acme' },
      ],
      truncated: false,
    });
    expect((await audit('query', sql, '-o', 'csv')).stdout).toBe(
      'sequence,organization\r\n1,acme\r\n2,acme\r\n',
    );
  });

  it('ends with 2 and changes nothing where the statement would change something or is wrong', async () => {
    for (const sql of [
      'DELETE FROM ledger_rows',
      'SELECT 1; DELETE FROM ledger_rows',
      'SELECT * FROM nowhere',
    ]) {
      const ended = await audit('query', sql);
      expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
      expect(ended.stderr).toMatch(/^error: /);
    }
    expect(await filled.run('SELECT count(*) AS rows FROM ledger.ledger_rows')).toEqual([{ rows: '10' }]);
  });

  it('says on stderr when there is more than it shows', async () => {
    const ended = await audit(
      'query',
      'SELECT sequence FROM entries',
      '--limit',
      '3',
      '--quiet',
      '-o',
      'csv',
    );
    expect(ended.stdout.split('\r\n')).toHaveLength(5);
    expect(ended.stderr).toMatch(/only the first 3 rows are shown/);
  });
});

describe('ccloud-audit entry show', () => {
  it('shows the text, the hashes and every sink', async () => {
    await filled.addDelivery('warehouse', { offset: 4 });
    await filled.addDelivery('archive', { type: 's3', offset: 5 });
    await filled.addDelivery('later', { offset: 10 });
    await filled.run(`UPDATE ledger.deliveries SET first_sequence = 8 WHERE sink = 'later'`);
    await filled.addDelivery('picky', { offset: 9 });
    const { id } = filled.organization;
    await filled.run(
      `INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason) VALUES ($1, 'picky', 5, 'c', 'too large')`,
      [id],
    );
    await filled.run(
      `INSERT INTO ledger.objects (organization, sink, first_sequence, last_sequence, key, entries, raw_bytes, content_sha256, confirmed_at)
       VALUES ($1, 'archive', 1, 5, 'a/b.gz', 5, 1, '\\x00', now())`,
      [id],
    );
    expect(await json('entry', 'show', 'entry-5')).toMatchObject({
      organization: 'acme',
      sequence: 5,
      createdAt: '2024-01-01T00:00:05.000000Z',
      raw: rawOf(5),
      changes: [],
      sinks: [
        { sink: 'archive', state: 'delivered', object: 'a/b.gz' },
        { sink: 'later', state: 'before start' },
        { sink: 'picky', state: 'parked', reason: 'too large' },
        { sink: 'warehouse', state: 'waiting' },
      ],
    });
    const table = await audit('entry', 'show', 'entry-5', '--organization', 'acme');
    expect(table.stdout).toContain(`\n${rawOf(5)}\n`);
    expect(table.stdout).toMatch(/archive +delivered +place of archive: a\/b\.gz/);
  });

  it('ends with 2 and a sentence for an id that is not there', async () => {
    const ended = await audit('entry', 'show', 'entry-11');
    expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ended.stderr).toMatch(/no entry with the id "entry-11"/);
    expect((await audit('entry', 'show', 'entry-1', '--organization', 'nobody')).exitCode).toBe(2);
  });

  it('says that a text was pruned and who holds it', async () => {
    await filled.fill(1);
    await filled.run('DELETE FROM ledger.segments WHERE first_sequence = 1');
    expect(await json('entry', 'show', 'entry-5')).toMatchObject({ raw: null, appendedAt: null });
    expect((await audit('entry', 'show', 'entry-5')).stdout).toMatch(/The raw text was pruned/);
  });
});

describe('ccloud-audit checkpoint', () => {
  beforeEach(async () => {
    await filled.run(
      `UPDATE ledger.organizations SET boundary = 1700000000000000000, tail_covered_to = 1700000100000000000,
         tail_checkpoint = '2023-11-14T22:15:00.000000Z'`,
    );
    await filled.run(`INSERT INTO ledger.coverage VALUES (1, 0, 1000000000)`);
    await filled.run(`INSERT INTO ledger.stretches VALUES (1, 1000000000, 2000000000, NULL)`);
  });

  it('lists the tail, stretches and coverage', async () => {
    expect(await json('checkpoint', 'list')).toEqual({
      organizations: [
        {
          organization: 'acme',
          head: 10,
          tail: {
            from: '2023-11-14T22:13:20.000000Z',
            coveredTo: '2023-11-14T22:15:00.000000Z',
            checkpoint: '2023-11-14T22:15:00.000000Z',
          },
          stretches: [
            { from: '1970-01-01T00:00:01.000000Z', to: '1970-01-01T00:00:02.000000Z', checkpoint: null },
          ],
          coverage: [{ from: '1970-01-01T00:00:00.000000Z', to: '1970-01-01T00:00:01.000000Z' }],
        },
      ],
    });
    expect((await audit('checkpoint', 'list')).stdout).toMatch(/acme +stretch .* not begun\n/);
  });

  it('moves it where nobody can be asked only with --yes, and forward only with --skip', async () => {
    const to = '2023-11-14T22:14:00.5Z';
    expect(await audit('checkpoint', 'set', 'acme', to)).toMatchObject({ exitCode: 2 });
    expect(await json('checkpoint', 'set', 'acme', to, '--yes')).toEqual({
      organization: 'acme',
      from: '2023-11-14T22:15:00.000000Z',
      to,
      skipped: false,
    });
    const forward = await audit('checkpoint', 'set', 'acme', '2024-01-01T00:00:00Z', '--yes');
    expect(forward).toMatchObject({ exitCode: 2 });
    expect(forward.stderr).toMatch(/Add --skip if that is meant/);
    const skipped = await audit('checkpoint', 'set', 'acme', '2024-01-01T00:00:00Z', '--yes', '--skip');
    expect(skipped).toMatchObject({ exitCode: 0 });
    expect(await filled.run('SELECT tail_checkpoint AS at FROM ledger.organizations')).toEqual([
      { at: '2024-01-01T00:00:00Z' },
    ]);
  });

  it('ends with 5 while another process reads the organization, and names it', async () => {
    const other = await anotherLedger(filled);
    const lease = await leaseOf(other, { work: 'read', organization: filled.organization.id });
    const ended = await audit('checkpoint', 'reset', 'acme', '--yes');
    expect(ended).toMatchObject({ exitCode: 5 });
    expect(ended.stderr).toContain(other.actor);
    await lease.release();
    expect(await audit('checkpoint', 'reset', 'acme', '--yes')).toMatchObject({ exitCode: 0 });
    expect(await filled.run('SELECT * FROM ledger.coverage')).toEqual([]);
  });
});

describe('ccloud-audit offset and sink', () => {
  beforeEach(async () => {
    await filled.addDelivery('warehouse', { offset: 6 });
    await filled.addDelivery('archive', { type: 's3', offset: 4 });
  });

  it('lists, sets and resets offsets', async () => {
    expect(await json('offset', 'list')).toMatchObject({
      offsets: [
        { sink: 'archive', offset: 4, head: 10, movable: false, parked: 0 },
        { sink: 'warehouse', offset: 6, head: 10, movable: true },
      ],
    });
    expect(await json('offset', 'set', 'acme', 'warehouse', '2', '--yes')).toMatchObject({ from: 6, to: 2 });
    expect(await audit('offset', 'set', 'acme', 'warehouse', '9', '--yes')).toMatchObject({ exitCode: 2 });
    expect(await json('offset', 'set', 'acme', 'warehouse', '9', '--yes', '--skip')).toMatchObject({ to: 9 });
    expect(await json('offset', 'set', 'acme', 'warehouse', '3', '--yes')).toMatchObject({ to: 3 });
    expect(await json('offset', 'reset', 'acme', 'warehouse', '--yes')).toMatchObject({ from: 3, to: 3 });
  });

  it('ends with 2 for an archive, for names that are not known and for what is no sequence', async () => {
    const archive = await audit('offset', 'reset', 'acme', 'archive', '--yes');
    expect(archive).toMatchObject({ exitCode: 2 });
    expect(archive.stderr).toMatch(/is an archive/);
    for (const words of [
      ['acme', 'nothing', '1'],
      ['nobody', 'warehouse', '1'],
      ['acme', 'warehouse', '-1'],
      ['acme', 'warehouse', '1.5'],
      ['acme', 'warehouse', '11'],
    ]) {
      expect(await audit('offset', 'set', '--yes', '--skip', '--', ...words)).toMatchObject({ exitCode: 2 });
    }
  });

  it('retires a sink once', async () => {
    const ended = await audit('sink', 'retire', 'warehouse', '--yes');
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(ended.stderr).toMatch(/still in the configuration/);
    expect((await audit('sink', 'retire', 'warehouse', '--yes')).exitCode).toBe(2);
    expect((await audit('offset', 'set', 'acme', 'warehouse', '1', '--yes')).exitCode).toBe(2);
    expect(await filled.run(`SELECT sink, what FROM ledger.journal WHERE what = 'delivery_retired'`)).toEqual(
      [{ sink: 'warehouse', what: 'delivery_retired' }],
    );
  });
});

/** The destination that a sink has by the configuration, out of the refusal of another. */
function placeIn({ stderr }: Ended): string {
  return /points at (.+?), but until now/.exec(stderr)?.[1] ?? '';
}

describe('ccloud-audit parked', () => {
  it('lists what is parked, and takes what a sink takes at another try', async () => {
    await filled.addDelivery('warehouse', { offset: 0 });
    await filled.run(
      `INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason)
       VALUES ($1, 'warehouse', 3, 'entry_refused', 'too large'), ($1, 'warehouse', 7, 'entry_refused', 'too large')`,
      [filled.organization.id],
    );
    expect(await json('parked', 'list')).toMatchObject({
      parked: [
        { organization: 'acme', sink: 'warehouse', sequence: 3, reason: 'too large' },
        { sequence: 7 },
      ],
      truncated: false,
    });
    const elsewhere = await audit('parked', 'retry');
    expect(elsewhere).toMatchObject({ exitCode: 4 });
    await filled.run('UPDATE ledger.deliveries SET fingerprint = $1', [placeIn(elsewhere)]);
    expect(await json('parked', 'retry')).toEqual({
      retried: [{ organization: 'acme', sink: 'warehouse', taken: 2, remaining: 0 }],
    });
    expect(await json('parked', 'list')).toMatchObject({ parked: [] });
    expect(await filled.run('SELECT sequence, raw FROM sunk.entries ORDER BY 1')).toEqual([
      { sequence: '3', raw: rawOf(3) },
      { sequence: '7', raw: rawOf(7) },
    ]);
    expect((await audit('parked', 'retry')).stderr).toMatch(/Nothing is parked/);
  });

  it('ends with 7 while something stays parked', async () => {
    await filled.addDelivery('warehouse', { offset: 0 });
    await filled.run(
      `INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason) VALUES ($1, 'warehouse', 3, 'c', 'r')`,
      [filled.organization.id],
    );
    const elsewhere = await audit('parked', 'retry');
    await filled.run('UPDATE ledger.deliveries SET fingerprint = $1', [placeIn(elsewhere)]);
    expect((await audit('parked', 'retry', '--sink', 'nothing')).exitCode).toBe(2);
    await audit('parked', 'retry', '--organization', 'acme');
    await filled.run(`ALTER TABLE sunk.entries ADD CONSTRAINT picky CHECK (sequence <> 5)`);
    await filled.run(
      `INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason)
       VALUES ($1, 'warehouse', 5, 'c', 'r'), ($1, 'warehouse', 6, 'c', 'r')`,
      [filled.organization.id],
    );
    const ended = await audit('parked', 'retry', '-o', 'json');
    expect(ended.exitCode).toBe(7);
    expect(JSON.parse(ended.stdout)).toMatchObject({ retried: [{ taken: 1, remaining: 1 }] });
  });
});

describe('ccloud-audit organization rename', () => {
  it('renames and says what to change', async () => {
    expect((await audit('organization', 'rename', 'acme', 'Acme', '--yes')).exitCode).toBe(2);
    const ended = await audit('organization', 'rename', 'acme', 'acme-2', '--yes');
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(ended.stderr).toMatch(/"acme" is "acme-2" now/);
    expect(await filled.run('SELECT name FROM ledger.organizations')).toEqual([{ name: 'acme-2' }]);
  });
});

describe('ccloud-audit store', () => {
  it('migrates an empty database whatever store.migrate says', async () => {
    const place = await createTestDatabase();
    await writeFile(config, `store: { url: "${place.url}", schema: fresh, migrate: false }\n`);
    expect((await audit('query', 'SELECT 1 AS one')).stderr).toMatch(/store migrate/);
    expect(await json('store', 'migrate')).toMatchObject({ schema: 'fresh' });
    expect((await audit('query', 'SELECT * FROM entries')).exitCode).toBe(0);
    await place.drop();
  });

  it('copies to an empty database, and says what to change', async () => {
    const place = await createTestDatabase();
    const file = join(directory, 'url');
    await writeFile(file, `${place.url}\n`);
    const copied = await audit('store', 'copy', '--url-file', file, '-o', 'json');
    expect(copied).toMatchObject({ exitCode: 0 });
    expect(copied.stderr).toMatch(/Set store\.url/);
    expect(JSON.parse(copied.stdout)).toMatchObject({ organizations: [{ organization: 'acme', head: 10 }] });
    const target = await openTestDatabase(place.url);
    const { rows } = await target.query(`SELECT count(*) AS rows FROM ${filledSchema}.ledger_rows`);
    expect(rows).toEqual([{ rows: '10' }]);
    await target.close();
    expect((await audit('store', 'copy', '--url-file', file)).exitCode).toBe(4);
    await place.drop();
  });

  it('refuses a password on the command line, and repeats none of it', async () => {
    for (const url of ['postgres://audit:hunter2@localhost/x', 'postgres://localhost/x?password=hunter2']) {
      const ended = await audit('store', 'copy', url);
      expect(ended).toMatchObject({ exitCode: 2 });
      expect(ended.stderr).toMatch(/PGPASSWORD.*--url-file/);
      expect(ended.stderr).not.toContain('hunter2');
    }
    expect((await audit('store', 'copy')).stderr).toMatch(/--url-file FILE/);
  });
});
