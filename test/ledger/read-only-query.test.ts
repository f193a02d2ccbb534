import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queryReadOnly, type QueryOutcome } from '../../src/ledger/read-only-query.ts';
import { createFilledLedger, filledSchema, type FilledLedger } from '../helpers/filled-ledger.ts';
import { rejectionOf } from '../helpers/rejection.ts';

let filled: FilledLedger;

beforeAll(async () => {
  filled = await createFilledLedger();
  await filled.fill(250);
  await filled.run('CREATE TABLE public.other (n int8)');
  await filled.run('INSERT INTO public.other VALUES (1), (2)');
});

afterAll(async () => {
  await filled.close();
});

async function query(
  sql: string,
  limits: { rowsMax?: number; bytesMax?: number } = {},
): Promise<QueryOutcome> {
  return await queryReadOnly({ database: filled.database, schema: filledSchema }, sql, {
    rowsMax: 10_000,
    bytesMax: 1_000_000,
    signal: new AbortController().signal,
    ...limits,
  });
}

const changing = [
  'DELETE FROM ledger_rows',
  'INSERT INTO other VALUES (3)',
  'DROP TABLE other',
  'COMMIT',
  'ROLLBACK',
  'END',
  'SET TRANSACTION READ WRITE',
  'RESET ALL',
  'DO $$ BEGIN DELETE FROM other; END $$',
  'COPY other TO STDOUT',
  'SELECT 1; DELETE FROM other',
  'SELECT 1; COMMIT; DELETE FROM other',
  'COMMIT; DELETE FROM other',
  'WITH gone AS (DELETE FROM other RETURNING n) SELECT * FROM gone',
  'WITH gone AS (SELECT 1) DELETE FROM other',
  'SELECT * INTO taken FROM other',
  'SELECT * FROM other FOR UPDATE',
  'EXPLAIN ANALYZE DELETE FROM other',
  'EXPLAIN ANALYZE DELETE FROM other; COMMIT',
  '/* SELECT */ DELETE FROM other',
  '-- SELECT\nDELETE FROM other',
  '(((DELETE FROM other)))',
  "SELECT set_config('transaction_read_only', 'off', true); DELETE FROM other",
  "SELECT set_config('transaction_read_only', 'off', true)",
  "SELECT setval('counted', 7)",
  '',
  '   -- nothing',
];

describe('a query of an operator', () => {
  it('finds the views of the ledger by their plain names and other schemas by theirs', async () => {
    expect(await query('SELECT count(*) AS entries FROM entries')).toEqual({
      columns: ['entries'],
      rows: [{ entries: '250' }],
      cutAt: undefined,
    });
    expect((await query('TABLE public.other')).rows).toHaveLength(2);
    expect((await query('VALUES (1), (2)')).rows).toHaveLength(2);
    expect((await query('SELECT what FROM journal')).columns).toEqual(['what']);
    expect((await query('SELECT * FROM parked UNION ALL SELECT * FROM parked')).rows).toEqual([]);
    expect((await query('-- a comment first\n SELECT 1 AS one;')).rows).toEqual([{ one: 1 }]);
  });

  it('leaves words in the text alone that stand for the schema in statements of ours', async () => {
    expect((await query("SELECT 'ledger.x' AS word")).rows).toEqual([{ word: 'ledger.x' }]);
  });

  it('explains and shows', async () => {
    expect((await query('EXPLAIN SELECT * FROM entries')).rows.length).toBeGreaterThan(0);
    expect((await query('SHOW transaction_read_only')).rows).toEqual([{ transaction_read_only: 'on' }]);
  });

  it.each(changing)('refuses %j and changes nothing', async (sql) => {
    await filled.run('CREATE SEQUENCE IF NOT EXISTS public.counted');
    expect(await rejectionOf(query(sql))).toMatchObject({ kind: 'usage' });
    expect(await filled.run('SELECT count(*) AS rows FROM public.other')).toEqual([{ rows: '2' }]);
    expect((await filled.run('SELECT last_value FROM public.counted'))[0]).toEqual({ last_value: '1' });
    expect(await filled.run('SHOW transaction_read_only')).toEqual([{ transaction_read_only: 'off' }]);
  });

  it('undoes what a function might have done', async () => {
    await filled.run(`CREATE OR REPLACE FUNCTION public.sneak() RETURNS int LANGUAGE plpgsql AS
      $$ BEGIN PERFORM set_config('transaction_read_only', 'off', true); DELETE FROM public.other; RETURN 1; END $$`);
    await rejectionOf(query('SELECT public.sneak()'));
    expect(await filled.run('SELECT count(*) AS rows FROM public.other')).toEqual([{ rows: '2' }]);
  });

  it('says what the server says of a wrong statement', async () => {
    const error = await rejectionOf(query('SELECT * FROM nowhere'));
    expect(error.message).toMatch(/relation "nowhere" does not exist/);
    expect(error.message).not.toMatch(/DECLARE|cursor/i);
    expect((await rejectionOf(query('SELECT 1; SELECT 2'))).message).toMatch(/one statement/);
    expect((await rejectionOf(query('DELETE FROM entries'))).message).toMatch(/not with DELETE/);
  });

  it('stops at its limits and says so', async () => {
    const byRows = await query('SELECT sequence FROM entries ORDER BY sequence', { rowsMax: 120 });
    expect(byRows).toMatchObject({ cutAt: 'rows' });
    expect(byRows.rows).toHaveLength(120);
    expect((await query('SELECT 1 AS one FROM entries', { rowsMax: 250 })).cutAt).toBeUndefined();
    const byBytes = await query("SELECT repeat('x', 1000) AS x FROM entries", { bytesMax: 50_500 });
    expect(byBytes).toMatchObject({ cutAt: 'bytes' });
    expect(byBytes.rows).toHaveLength(50);
    expect((await query('SHOW ALL', { rowsMax: 3 })).rows).toHaveLength(3);
  });

  it('does not drop one of two columns of the same name', async () => {
    expect((await rejectionOf(query('SELECT 1 AS a, 2 AS a'))).message).toMatch(/two columns named "a"/);
  });
});
