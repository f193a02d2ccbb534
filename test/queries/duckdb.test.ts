/** The SQL of COMPLIANCE.md, read out of it and run by DuckDB on an archive that the built program wrote. */
import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFileSink } from '../../sinks/file.ts';
import { packSegment } from '../../src/ledger/packed-segment.ts';
import { nanos } from '../../src/time.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { runProgram } from '../cli/run-program.ts';
import { exoticEntries } from '../helpers/exotic-entries.ts';

const runSql = fileURLToPath(new URL('run-sql.py', import.meta.url));
const { signal } = new AbortController();
let folder: string;
let sandbox: Sandbox;
let documented: string[];

beforeAll(async () => {
  documented = await documentedStatements();
  folder = await mkdtemp(join(tmpdir(), 'duckdb-'));
  // Pages that overlap show the same entry twice to the exporter.
  sandbox = await startSandbox({ entries: 2000, traps: ['repeated-ids', 'tail-repeats-entries'] });
  const config = {
    api: { url: sandbox.url, requestsPerSecond: 1000 },
    organizations: [{ name: 'acme', apiKey: sandbox.apiKey }],
    store: { url: `pglite:${join(folder, 'data')}` },
    server: 'off',
    sinks: [{ name: 'archive', type: 'file', directory: join(folder, 'archive'), roll: { entries: 150 } }],
  };
  await writeFile(join(folder, 'config.yaml'), JSON.stringify(config));
  const { exitCode, stderr } = await runProgram(['backfill', '-c', join(folder, 'config.yaml')]);
  if (exitCode !== 0) throw new Error(stderr);
});

afterAll(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});

/** The statements of the section on DuckDB: a view, and a query of it. */
async function documentedStatements(): Promise<string[]> {
  const document = await readFile(new URL('../../COMPLIANCE.md', import.meta.url), 'utf8');
  const [, section = ''] = /^### DuckDB$(.*?)^### /ms.exec(document) ?? [];
  const [, sql = ''] = /^```sql\n(.*?)^```$/ms.exec(section) ?? [];
  return sql
    .split(/;\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** DuckDB's JSON knows no half of a surrogate pair; JSON.stringify writes one as an escape and nothing else like that. */
function isReadable(entry: unknown): boolean {
  return !/(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(JSON.stringify(entry));
}

function sorted(texts: readonly string[]): string[] {
  return texts.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
}

/** The rows of each statement, every value as text. */
async function query(statements: readonly string[], cwd: string = folder): Promise<string[][][]> {
  const python = process.env['DUCKDB_PYTHON'];
  if (python === undefined) throw new Error('DUCKDB_PYTHON is not set; see vitest.queries.config.ts');
  const child = spawn(python, [runSql], { cwd });
  child.stdin.end(JSON.stringify(statements));
  const [output, errors, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  expect(exitCode, errors).toBe(0);
  // The script stands beside this file.
  return (JSON.parse(output) as { readonly results: string[][][] }).results;
}

describe('the view that COMPLIANCE.md gives for DuckDB', () => {
  test('is followed by a query that has every day and action with its count', async () => {
    expect(documented).toHaveLength(2);
    const [, counts = []] = await query(documented);
    const expected = new Map<string, number>();
    for (const { raw } of sandbox.truth()) {
      const entry = JSON.parse(raw.toString()) as Readonly<Record<string, string>>;
      const action = isReadable(entry) ? entry['action'] : undefined;
      const name = `${entry['created_at']?.slice(0, 10)} ${action ?? 'None'}`;
      expected.set(name, (expected.get(name) ?? 0) + 1);
    }
    expect(counts.length).toBeGreaterThan(10);
    expect(new Map(counts.map(([date, action, count]) => [`${date} ${action}`, Number(count)]))).toEqual(
      expected,
    );
  });

  test('has each entry once and byte for byte, of many objects and days', async () => {
    const [, , rows = [], [objects = []] = []] = await query([
      ...documented,
      'SELECT id, raw FROM audit_entries',
      "SELECT count(*), count(DISTINCT parse_path(file)[-2]) FROM glob('archive/**/*.jsonl.gz')",
    ]);
    const truth = sandbox.truth();
    expect(Number(objects[0])).toBeGreaterThan(10);
    expect(Number(objects[1])).toBeGreaterThan(2);
    expect(rows).toHaveLength(truth.length);
    expect(sorted(rows.map(([, raw = '']) => raw))).toEqual(sorted(truth.map(({ raw }) => raw.toString())));
    const ids = rows.map(([id]) => id ?? '').filter((id) => id !== 'None');
    const readable = truth.map(({ raw }) => JSON.parse(raw.toString()) as Readonly<Record<string, string>>);
    expect(ids.toSorted()).toEqual(
      readable
        .filter(isReadable)
        .map(({ id = '' }) => id)
        .toSorted(),
    );
  });

  test('reads what is exotic, also what DuckDB takes for no JSON', async () => {
    const place = join(folder, 'exotic');
    const sink = createFileSink({ name: 'archive', directory: join(place, 'archive') });
    const entries = exoticEntries();
    await sink.open({ signal });
    await sink.write({ organization: 'acme', entries }, { signal });
    await sink.close();
    const [, rows = []] = await query([documented[0] ?? '', 'SELECT raw, id FROM audit_entries'], place);
    expect(sorted(rows.map(([raw = '']) => raw))).toEqual(sorted(entries.map(({ raw }) => raw.toString())));
    const unread = rows.filter(([, id]) => id === 'None').map(([raw = '']) => raw);
    expect(unread.length).toBeGreaterThan(0);
    expect(unread.filter((raw) => isReadable(JSON.parse(raw)))).toEqual([]);
  });

  test('reads objects that were put together of packed pieces', async () => {
    const place = join(folder, 'pieces');
    const sink = createFileSink({ name: 'archive', directory: join(place, 'archive') });
    const createdAt = nanos(1_772_323_200_000_000_000n);
    const entries = Array.from({ length: 2000 }, (_, index) => {
      const raw = Buffer.from(`{"id":"entry-${index}","action":"${'x'.repeat(800)}"}`);
      return {
        sequence: index + 1,
        id: `entry-${index}`,
        createdAt,
        raw,
        rawBytes: raw.length,
        sha256: hash('sha256', raw, 'buffer'),
      };
    });
    const segment = await packSegment(entries.slice(0, 1990));
    const packed = segment.pieces.map(({ first, ...piece }) => ({ ...piece, firstSequence: first + 1 }));
    expect(packed.length).toBeGreaterThan(2);
    await sink.open({ signal });
    await sink.write({ organization: 'acme', entries, packed }, { signal });
    await sink.close();
    const [, rows = []] = await query([documented[0] ?? '', 'SELECT raw FROM audit_entries'], place);
    expect(sorted(rows.map(([raw = '']) => raw))).toEqual(sorted(entries.map(({ raw }) => raw.toString())));
  });
});
