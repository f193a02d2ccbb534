/** What every database must do, whichever it is: one suite, run for a PostgreSQL server and for the embedded one. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DatabaseError } from '../../src/database/database-error.ts';
import type { Database } from '../../src/database/database.ts';
import type { StatementHooks } from '../../src/database/session.ts';
import { StatementFaults } from '../helpers/statement-faults.ts';

export interface DatabaseHarness {
  /** Opens the same database; once at a time. */
  open(hooks: StatementHooks): Promise<Database>;
  dispose(): Promise<void>;
}

interface Counted {
  readonly n: string;
}

export function databaseContract(name: string, start: () => Promise<DatabaseHarness>): void {
  describe(`${name} as a database`, () => {
    const faults = new StatementFaults();
    let harness: DatabaseHarness;
    let database: Database;

    beforeAll(async () => {
      harness = await start();
      database = await harness.open(faults);
      await database.query('CREATE TABLE things (id bigint PRIMARY KEY, words text, bytes bytea)');
    });
    beforeEach(async () => {
      faults.clear();
      await database.query('TRUNCATE things');
    });
    afterAll(async () => {
      await database.close();
      await harness.dispose();
    });

    async function count(): Promise<number> {
      const { rows } = await database.query<Counted>('SELECT count(*) AS n FROM things');
      return Number(rows[0]?.n);
    }

    describe('values', () => {
      test('come back as text where JavaScript could not hold them exactly', async () => {
        const sql = `SELECT 9007199254740993::int8 AS eight, 12.3400::numeric AS exact,
          '2024-05-06 07:08:09.123456+02'::timestamptz AS at, '{"b": 1, "a": 1.0}'::json AS json,
          '{"b":1}'::jsonb AS jsonb, 'a-b'::text AS words,
          '0190d8a0-0000-7000-8000-000000000001'::uuid AS id, '{1,2}'::int4[] AS list`;
        const { rows, columns } = await database.query(sql);
        expect(rows).toEqual([
          {
            eight: '9007199254740993',
            exact: '12.3400',
            at: '2024-05-06 05:08:09.123456+00',
            json: '{"b": 1, "a": 1.0}',
            jsonb: '{"b": 1}',
            words: 'a-b',
            id: '0190d8a0-0000-7000-8000-000000000001',
            list: '{1,2}',
          },
        ]);
        expect(columns).toEqual(['eight', 'exact', 'at', 'json', 'jsonb', 'words', 'id', 'list']);
      });

      test('come back as numbers, booleans, bytes and null where it can', async () => {
        const sql = `SELECT 7::int4 AS four, 3::int2 AS two, 1.5::float8 AS real, true AS yes, false AS no,
          '\\x00ff10'::bytea AS bytes, ''::bytea AS empty, NULL::text AS nothing`;
        const { rows } = await database.query(sql);
        expect(rows).toEqual([
          {
            four: 7,
            two: 3,
            real: 1.5,
            yes: true,
            no: false,
            bytes: Buffer.from([0, 255, 16]),
            empty: Buffer.alloc(0),
            nothing: null,
          },
        ]);
        expect(Buffer.isBuffer(rows[0]?.['bytes'])).toBe(true);
      });

      test('survive the way there and back as parameters', async () => {
        const words = 'quote " apostrophe \' backslash \\ brace {} comma , 🙂 \n NULL';
        const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
        const sql =
          'SELECT $1::int8 AS big, $2::text AS words, $3::bytea AS bytes, $4::bool AS yes, $5::float8 AS real, $6::text AS none';
        const { rows } = await database.query(sql, [9007199254740993n, words, bytes, true, 0.1, null]);
        expect(rows).toEqual([{ big: '9007199254740993', words, bytes, yes: true, real: 0.1, none: null }]);
      });

      test('survive inside arrays', async () => {
        const words = ['plain', '', 'NULL', null, 'a "b" \\ {c}, \'d\'', '🙂\n'];
        const bytes = [Buffer.from([0, 1, 255]), Buffer.alloc(0), null];
        const ids = ['0190d8a0-0000-7000-8000-000000000001', '0190d8a0-0000-7000-8000-000000000002'];
        const text = await database.query('SELECT unnest($1::text[]) AS v', [words]);
        expect(text.rows.map((row) => row['v'])).toEqual(words);
        const raw = await database.query('SELECT unnest($1::bytea[]) AS v', [bytes]);
        expect(raw.rows.map((row) => row['v'])).toEqual(bytes);
        const uuids = await database.query('SELECT unnest($1::uuid[]) AS v', [ids]);
        expect(uuids.rows.map((row) => row['v'])).toEqual(ids);
        const numbers = await database.query('SELECT unnest($1::int8[]) AS v', [[1n, -5, null]]);
        expect(numbers.rows.map((row) => row['v'])).toEqual(['1', '-5', null]);
        const empty = await database.query('SELECT unnest($1::text[]) AS v', [[]]);
        expect(empty.rows).toEqual([]);
      });

      test('of many megabytes survive', async () => {
        const bytes = Buffer.alloc(5_000_000, 7);
        const { rows } = await database.query('SELECT $1::bytea AS bytes', [bytes]);
        expect(bytes.equals(rows[0]?.['bytes'] as Buffer)).toBe(true);
      });
    });

    describe('statements', () => {
      test('tell how many rows they returned or changed', async () => {
        const inserted = await database.query('INSERT INTO things (id) VALUES (1), (2), (3)');
        expect(inserted.rowCount).toBe(3);
        expect((await database.query('UPDATE things SET words = $1 WHERE id > 1', ['x'])).rowCount).toBe(2);
        expect((await database.query('SELECT id FROM things WHERE id > 5')).rowCount).toBe(0);
        expect((await database.query('SELECT id FROM things')).rowCount).toBe(3);
      });

      test('are refused when they are several in one text', async () => {
        await expect(database.query('SELECT 1; SELECT 2')).rejects.toMatchObject({ sqlState: '42601' });
      });

      test('fail with the SQLSTATE, the kind of failure and no row values', async () => {
        const error = await failureOf(database.query("SELECT 'secret words'::uuid"));
        expect(error).toBeInstanceOf(DatabaseError);
        expect(error).toMatchObject({
          kind: 'store',
          code: 'statement_failed',
          sqlState: '22P02',
          retryable: false,
        });
        expect(JSON.stringify([String(error), error])).not.toContain('secret words');
        await database.query("INSERT INTO things (id, words) VALUES (1, 'secret')");
        const conflict = await failureOf(
          database.query("INSERT INTO things (id, words) VALUES (1, 'secret')"),
        );
        expect(conflict).toMatchObject({ sqlState: '23505', retryable: false });
        expect(conflict).not.toHaveProperty('cause');
        expect(conflict.message).toContain('things_pkey');
        expect(conflict.message).not.toContain('(1)');
      });

      test('work after one that failed', async () => {
        await failureOf(database.query('SELECT nothing'));
        expect((await database.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      });
    });

    describe('transactions', () => {
      test('commit when the body resolves, with its result', async () => {
        const result = await database.transaction(async (transaction) => {
          await transaction.query('INSERT INTO things (id) VALUES (1)');
          return 'done';
        });
        expect(result).toBe('done');
        expect(await count()).toBe(1);
        expect(
          faults.seen.some((sql) => /^BEGIN ISOLATION LEVEL (?:READ COMMITTED|SERIALIZABLE)$/.test(sql)),
        ).toBe(true);
      });

      test('roll back when the body rejects, with its error', async () => {
        const reason = new Error('changed my mind');
        const attempt = database.transaction(async (transaction) => {
          await transaction.query('INSERT INTO things (id) VALUES (1)');
          throw reason;
        });
        await expect(attempt).rejects.toBe(reason);
        expect(await count()).toBe(0);
      });

      test('that lost a statement never pretend to have committed', async () => {
        const attempt = database.transaction(async (transaction) => {
          await transaction.query('INSERT INTO things (id) VALUES (1)');
          await failureOf(transaction.query('SELECT nothing'));
        });
        await expect(attempt).rejects.toMatchObject({ sqlState: '42703' });
        expect(await count()).toBe(0);
      });

      test.each(['40001', '40P01'])('start again as a whole after %s', async (sqlState) => {
        for (const place of [/^INSERT/, /^COMMIT/, /^BEGIN/]) {
          await database.query('TRUNCATE things');
          let runs = 0;
          faults.failBefore(place, sqlState, 2);
          await database.transaction(async (transaction) => {
            runs += 1;
            await transaction.query('INSERT INTO things (id) VALUES ($1)', [runs]);
          });
          expect(await count()).toBe(1);
          expect(faults.remaining).toBe(0);
        }
      });

      test('start again although the body swallowed or wrapped the reason', async () => {
        faults.failBefore(/^INSERT/, '40001', 2);
        let runs = 0;
        await database.transaction(async (transaction) => {
          runs += 1;
          try {
            await transaction.query('INSERT INTO things (id) VALUES (1)');
          } catch (error) {
            throw new Error('could not write', { cause: error });
          }
        });
        expect(runs).toBe(3);
        expect(await count()).toBe(1);
      });

      test('give up after ten repetitions', async () => {
        faults.failBefore(/^INSERT/, '40001', 100);
        let runs = 0;
        const attempt = database.transaction(async (transaction) => {
          runs += 1;
          await transaction.query('INSERT INTO things (id) VALUES (1)');
        });
        await expect(attempt).rejects.toMatchObject({ sqlState: '40001', retryable: true });
        expect(runs).toBe(11);
      });

      test('say that the outcome is unknown when the answer to COMMIT is lost, and are not repeated', async () => {
        let runs = 0;
        faults.failAfter(/^COMMIT/, 'ECONNRESET');
        const attempt = database.transaction(async (transaction) => {
          runs += 1;
          await transaction.query('INSERT INTO things (id) VALUES (1)');
        });
        await expect(attempt).rejects.toMatchObject({ code: 'commit_unknown' });
        expect(runs).toBe(1);
        expect(await count()).toBe(1);
      });

      test('say that the outcome is unknown after 40003, and leave nothing open', async () => {
        faults.failBefore(/^COMMIT/, '40003');
        const attempt = database.transaction((transaction) =>
          transaction.query('INSERT INTO things (id) VALUES (1)'),
        );
        await expect(attempt).rejects.toMatchObject({ code: 'commit_unknown', sqlState: '40003' });
        expect(await count()).toBe(0);
      });

      test('know their outcome when the connection was lost before COMMIT', async () => {
        faults.failAfter(/^INSERT/, 'ECONNRESET');
        const attempt = database.transaction((transaction) =>
          transaction.query('INSERT INTO things (id) VALUES (1)'),
        );
        await expect(attempt).rejects.toMatchObject({ code: 'connection_lost', retryable: true });
        expect(await count()).toBe(0);
      });

      test('can not be used after their end', async () => {
        const transaction = await database.transaction((open) => Promise.resolve(open));
        await expect(transaction.query('SELECT 1')).rejects.toThrow('already ended');
      });

      test('run the statements of a body one after another, in order', async () => {
        await database.transaction(async (transaction) => {
          const inserts = [1, 2, 3, 4, 5].map((id) =>
            transaction.query('INSERT INTO things (id, words) SELECT $1, count(*) FROM things', [id]),
          );
          await Promise.all(inserts);
        });
        const { rows } = await database.query('SELECT words FROM things ORDER BY id');
        expect(rows.map((row) => row['words'])).toEqual(['0', '1', '2', '3', '4']);
      });

      test('of twenty writers on one row lose no update', async () => {
        await database.query("INSERT INTO things (id, words) VALUES (1, '0')");
        const writer = (): Promise<unknown> =>
          database.transaction(async (transaction) => {
            const read = 'SELECT words FROM things WHERE id = 1 FOR UPDATE';
            const { rows } = await transaction.query<{ words: string }>(read);
            await transaction.query('UPDATE things SET words = $1 WHERE id = 1', [
              Number(rows[0]?.words) + 1,
            ]);
          });
        await Promise.all(Array.from({ length: 20 }, writer));
        expect((await database.query('SELECT words FROM things')).rows).toEqual([{ words: '20' }]);
      });
    });

    describe('abort', () => {
      test('before the beginning runs nothing', async () => {
        const reason = new Error('stop');
        const attempt = database.transaction(() => Promise.reject(new Error('was run')), {
          signal: AbortSignal.abort(reason),
        });
        await expect(attempt).rejects.toBe(reason);
      });

      test('between two statements rolls back', async () => {
        const controller = new AbortController();
        const attempt = database.transaction(
          async (transaction) => {
            await transaction.query('INSERT INTO things (id) VALUES (1)');
            controller.abort();
            await transaction.query('INSERT INTO things (id) VALUES (2)');
          },
          { signal: controller.signal },
        );
        await expect(attempt).rejects.toThrow('aborted');
        expect(await count()).toBe(0);
      });

      test('after the body, before COMMIT, rolls back', async () => {
        const controller = new AbortController();
        const attempt = database.transaction(
          async (transaction) => {
            await transaction.query('INSERT INTO things (id) VALUES (1)');
            controller.abort();
          },
          { signal: controller.signal },
        );
        await expect(attempt).rejects.toThrow('aborted');
        expect(await count()).toBe(0);
      });

      test('after COMMIT was sent changes nothing', async () => {
        const controller = new AbortController();
        faults.callBefore(/^COMMIT/, () => controller.abort());
        await database.transaction((transaction) => transaction.query('INSERT INTO things (id) VALUES (1)'), {
          signal: controller.signal,
        });
        expect(controller.signal.aborted).toBe(true);
        expect(await count()).toBe(1);
      });

      test('ends the backoff', async () => {
        const controller = new AbortController();
        faults.failBefore(/^INSERT/, '40001', 100);
        faults.callBefore(/^ROLLBACK/, () => controller.abort());
        const attempt = database.transaction(
          (transaction) => transaction.query('INSERT INTO things (id) VALUES (1)'),
          {
            signal: controller.signal,
          },
        );
        await expect(attempt).rejects.toThrow('aborted');
        expect(faults.remaining).toBe(99);
      });
    });

    describe('COPY', () => {
      const copyText = 'COPY things (id, words) FROM STDIN';

      test('takes text', async () => {
        await database.copyIn(copyText, Buffer.from('1\tone\n2\t\\N\n3\ta\\tb\\\\c 🙂\n'));
        const { rows } = await database.query('SELECT id, words FROM things ORDER BY id');
        expect(rows).toEqual([
          { id: '1', words: 'one' },
          { id: '2', words: null },
          { id: '3', words: 'a\tb\\c 🙂' },
        ]);
      });

      test('takes the binary format', async () => {
        const rows: readonly BinaryRow[] = [
          [5n, Buffer.from('five'), Buffer.from([0, 1, 255])],
          [6n, null, Buffer.alloc(0)],
        ];
        await database.copyIn(
          'COPY things (id, words, bytes) FROM STDIN WITH (FORMAT binary)',
          binaryCopy(rows),
        );
        const read = await database.query('SELECT id, words, bytes FROM things ORDER BY id');
        expect(read.rows).toEqual([
          { id: '5', words: 'five', bytes: Buffer.from([0, 1, 255]) },
          { id: '6', words: null, bytes: Buffer.alloc(0) },
        ]);
      });

      test('of nothing is nothing', async () => {
        await database.copyIn(copyText, Buffer.alloc(0));
        expect(await count()).toBe(0);
      });

      test('takes megabytes', async () => {
        const lines = Array.from({ length: 20_000 }, (_, id) => `${id}\t${'x'.repeat(200)}\n`);
        await database.copyIn(copyText, Buffer.from(lines.join('')));
        expect(await count()).toBe(20_000);
      });

      test('that meets an error in the middle writes nothing, quotes nothing and does not hang', async () => {
        const lines = Array.from({ length: 20_000 }, (_, id) => `${id}\t${'x'.repeat(100)}\n`);
        lines[10_000] = 'secret\tvalue\n';
        const error = await failureOf(database.copyIn(copyText, Buffer.from(lines.join(''))));
        expect(error).toMatchObject({ code: 'statement_failed', sqlState: '22P02' });
        expect(JSON.stringify([String(error), error])).not.toContain('secret');
        expect(await count()).toBe(0);
      });

      test('fails for a table that does not exist and for a key that does', async () => {
        const missing = database.copyIn('COPY nothing (id) FROM STDIN', Buffer.from('1\n'));
        await expect(missing).rejects.toMatchObject({ sqlState: '42P01' });
        const twice = database.copyIn(copyText, Buffer.from('1\ta\n1\tb\n'));
        await expect(twice).rejects.toMatchObject({ sqlState: '23505' });
        expect(await count()).toBe(0);
      });

      test('belongs to its transaction', async () => {
        const attempt = database.transaction(async (transaction) => {
          await transaction.query('INSERT INTO things (id) VALUES (1)');
          await transaction.copyIn(copyText, Buffer.from('2\ttwo\n'));
          throw new Error('not this time');
        });
        await expect(attempt).rejects.toThrow('not this time');
        expect(await count()).toBe(0);
        const refused = database.transaction(async (transaction) => {
          await transaction.query('INSERT INTO things (id) VALUES (1)');
          await failureOf(transaction.copyIn(copyText, Buffer.from('1\ttwo\n')));
        });
        await expect(refused).rejects.toMatchObject({ sqlState: '23505' });
        expect(await count()).toBe(0);
      });
    });

    test('closing twice is closing once, what runs is finished, and nothing runs afterwards', async () => {
      const running = database.transaction(async (transaction) => {
        await transaction.query('INSERT INTO things (id) VALUES (77)');
        await transaction.query('SELECT 1');
      });
      const closing = database.close();
      await Promise.all([running, closing, database.close()]);
      await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'closed' });
      database = await harness.open(faults);
      expect(await count()).toBe(1);
    });
  });
}

export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error('It should have failed');
  return outcome;
}

type BinaryRow = readonly [id: bigint, words: Buffer | null, bytes: Buffer | null];

/** https://www.postgresql.org/docs/current/sql-copy.html, the binary format. */
function binaryCopy(rows: readonly BinaryRow[]): Buffer {
  const parts: Buffer[] = [Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)];
  for (const [id, words, bytes] of rows) {
    const number = Buffer.alloc(8);
    number.writeBigInt64BE(id);
    parts.push(int16(3), ...[number, words, bytes].flatMap(binaryField));
  }
  return Buffer.concat([...parts, int16(-1)]);
}

function binaryField(value: Buffer | null): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeInt32BE(value === null ? -1 : value.length);
  return value === null ? [length] : [length, value];
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}
