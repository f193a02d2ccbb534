import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SinkError } from '../../../sinks/sink-error.ts';
import type { Sink, SinkEntry } from '../../../sinks/sink.ts';
import type { Database } from '../../../src/database/database.ts';
import { exoticEntry } from '../../helpers/exotic-entries.ts';
import { alteredEntry, plainEntries, sinkEntry } from '../../helpers/sink-entries.ts';
import { createPostgresFixture, openedSinkOn, type PostgresFixture } from './postgres-fixture.ts';
import { readTable } from './read-table.ts';

const { signal } = new AbortController();

let fixture: PostgresFixture;
let table: string;
let sink: Sink;

beforeAll(async () => {
  fixture = await createPostgresFixture();
});

beforeEach(async () => {
  table = fixture.newTable();
  sink = await openedSinkOn(fixture.direct, table);
});

afterAll(() => fixture.dispose());

async function write(entries: readonly SinkEntry[], to: Sink = sink): Promise<void> {
  await to.write({ organization: 'acme', entries }, { signal });
}

async function refusal(entries: readonly SinkEntry[], by: Sink = sink): Promise<SinkError> {
  const error: unknown = await write(entries, by).catch((thrown: unknown) => thrown);
  if (error instanceof SinkError) return error;
  throw new Error('the write was expected to be refused with a SinkError', { cause: error });
}

async function sequences(): Promise<(number | undefined)[]> {
  return (await readTable(fixture.direct, table, 'acme')).map((entry) => entry.sequence);
}

async function payloadOf(id: string): Promise<unknown> {
  const { rows } = await fixture.direct.query(`SELECT payload FROM ${table} WHERE id = $1`, [id]);
  return rows[0]?.['payload'];
}

/** Runs `before` ahead of each transaction, once it is told to: what comes between looking at the table and writing to it. */
function interrupted(
  database: Database,
  before: () => Promise<unknown>,
): { database: Database; isArmed: boolean } {
  const armed = {
    isArmed: false,
    database: {
      ...database,
      query: database.query.bind(database),
      copyIn: database.copyIn.bind(database),
      close: database.close.bind(database),
      transaction: async (body, options) => {
        if (armed.isArmed) await before();
        return await database.transaction(body, options);
      },
    } as Database,
  };
  return armed;
}

/** An entry with an id that no index of PostgreSQL can take. */
function oversized(sequence: number): SinkEntry {
  const parts = Array.from({ length: 200 }, (_, index) =>
    createHash('sha256').update(`${sequence} ${index}`).digest('base64'),
  );
  return sinkEntry({ sequence, raw: JSON.stringify({ id: parts.join('') }) });
}

/** 5 MB of raw text. */
function huge(sequence: number): SinkEntry {
  return sinkEntry({
    sequence,
    raw: JSON.stringify({ id: `huge-${sequence}`, payload: 'x'.repeat(5_000_000) }),
  });
}

/** The database as another kind, with every statement written down. */
async function watched(kind: Database['kind']): Promise<{ database: Database; statements: string[] }> {
  const statements: string[] = [];
  const database = await fixture.connect({ onStatement: (sql) => void statements.push(sql) });
  return {
    statements,
    database: {
      kind,
      fingerprint: database.fingerprint,
      query: (sql, parameters) => database.query(sql, parameters),
      copyIn: (sql, data) => database.copyIn(sql, data),
      transaction: (body, options) => database.transaction(body, options),
      close: () => database.close(),
    },
  };
}

describe('a row of the postgres sink', () => {
  test.each(['TRUNCATE', 'DELETE FROM'])(
    'is refused, and changes nothing, when the table is emptied a moment before it: %s',
    async (statement) => {
      const armed = interrupted(fixture.direct, () => fixture.direct.query(`${statement} ${table}`));
      const writer = await openedSinkOn(armed.database, table);
      const entries = plainEntries(1, 4);
      await write(entries.slice(0, 2), writer);
      armed.isArmed = true;
      const error = await refusal(entries.slice(2), writer);
      expect(error).toMatchObject({ code: 'destination_lost', retryable: false });
      expect(await sequences()).toEqual([]);
    },
  );

  test('holds what the entry says', async () => {
    const raw =
      '{"id":"one","action":"A","source":"S","user_email":"u@example.com","service_account_name":"sa","system_actor_name":"SYSTEM","cluster_id":"c","cluster_name":"cn","session_id":"s","trace_id":"t","error":"","payload":"{\\"b\\": 2, \\"a\\": 1.50}","metadata":{"ip_address":"192.0.2.7"}}';
    const entry = sinkEntry({ sequence: 7, raw, createdAt: 1_772_366_400_123_456_789n });
    await write([entry]);
    const { rows } = await fixture.direct.query(`SELECT * FROM ${table}`);
    expect(rows).toEqual([
      {
        organization: 'acme',
        id: 'one',
        sequence: '7',
        created_at: '2026-03-01 12:00:00.123456+00',
        action: 'A',
        source: 'S',
        user_email: 'u@example.com',
        service_account_name: 'sa',
        system_actor_name: 'SYSTEM',
        cluster_id: 'c',
        cluster_name: 'cn',
        session_id: 's',
        trace_id: 't',
        error: '',
        ip_address: '192.0.2.7',
        payload: '{"a": 1.50, "b": 2}',
        raw,
        sha256: entry.sha256,
        exported_at: expect.stringMatching(/^\d{4}-\d\d-\d\d /),
      },
    ]);
  });

  test.each([
    'deep nesting',
    'a number beyond every range',
    'NUL in an object payload',
    'lone surrogate in a string payload',
  ])(
    'has no payload where PostgreSQL can not hold it (%s), between others that have theirs',
    async (name) => {
      const odd = exoticEntry(name, 3);
      await write([...plainEntries(1, 2), odd, ...plainEntries(4, 2)]);
      expect(await sequences()).toEqual([1, 2, 3, 4, 5]);
      expect(await payloadOf(name)).toBeNull();
      expect(await payloadOf('entry-2')).toBe('{"name": "user_2"}');
      expect(await payloadOf('entry-4')).toBe('{"name": "user_4"}');
      expect((await readTable(fixture.direct, table, 'acme'))[2]?.raw === odd.raw.toString()).toBe(true);
    },
  );

  test('keeps every digit of big numbers in its payload', async () => {
    await write([exoticEntry('numbers beyond a double')]);
    expect(await payloadOf('numbers beyond a double')).toContain('12345678901234567890123');
  });
});

describe('an entry that the table can never take', () => {
  test('is named for parking, after everything before it was stored', async () => {
    const error = await refusal([...plainEntries(1, 5), oversized(6), ...plainEntries(7, 3)]);
    expect(error).toMatchObject({ code: 'entry_refused', retryable: false, poisonSequence: 6 });
    expect(error.message).toMatch(/index row.*54000/s);
    expect(await sequences()).toEqual([1, 2, 3, 4, 5]);
    await write([...plainEntries(1, 5), ...plainEntries(7, 3)]);
    expect(await sequences()).toEqual([1, 2, 3, 4, 5, 7, 8, 9]);
  });

  test('is the first one when there are several', async () => {
    const error = await refusal([...plainEntries(1, 1), oversized(2), oversized(3), ...plainEntries(4, 1)]);
    expect(error.poisonSequence).toBe(2);
  });

  test('may be one that a constraint of the operator refuses, and its values are not told', async () => {
    await fixture.direct.query(
      `ALTER TABLE ${table} ADD CONSTRAINT no_exotics CHECK (cluster_name <> 'secret-name')`,
    );
    const odd = sinkEntry({ sequence: 2, raw: '{"id":"odd","cluster_name":"secret-name"}' });
    const error = await refusal([...plainEntries(1, 1), odd]);
    expect(error).toMatchObject({ poisonSequence: 2 });
    expect(error.message).toContain('no_exotics');
    expect(error.message).not.toContain('secret-name');
  });
});

describe.each(['postgresql', 'cockroachdb'] as const)('repeats and strangers on %s', (kind) => {
  let database: Database;
  let statements: string[];

  beforeEach(async () => {
    ({ database, statements } = await watched(kind));
    sink = await openedSinkOn(database, table);
    statements.length = 0;
  });

  test('the first time costs one COPY', async () => {
    await write(plainEntries(1, 10));
    expect(statements.map((sql) => sql.split(' ')[0])).toEqual(['BEGIN', 'COPY', 'COMMIT']);
  });

  test('huge entries go in portions, and still all or none', async () => {
    const entries = [huge(1), huge(2), huge(3)];
    await write(entries);
    expect(statements.map((sql) => sql.split(' ')[0])).toEqual(['BEGIN', 'COPY', 'COPY', 'COPY', 'COMMIT']);
    await write([...entries, ...plainEntries(4, 1)]);
    expect(await sequences()).toEqual([1, 2, 3, 4]);
  });

  test('what is there already is left alone and the rest is stored', async () => {
    await write(plainEntries(3, 4));
    const { rows } = await fixture.direct.query(`SELECT id, exported_at FROM ${table} ORDER BY sequence`);
    await write(plainEntries(1, 10));
    expect(await sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const again = await fixture.direct.query(
      `SELECT id, exported_at FROM ${table} WHERE sequence BETWEEN 3 AND 6 ORDER BY sequence`,
    );
    expect(again.rows).toEqual(rows);
  });

  test('a temporary table is used only where it is known to work', async () => {
    await write(plainEntries(1, 2));
    await write(plainEntries(1, 3));
    expect(statements.some((sql) => sql.startsWith('CREATE TEMPORARY TABLE'))).toBe(kind === 'postgresql');
  });

  test('the same id with another sequence stops the sink and names both', async () => {
    await write(plainEntries(1, 3));
    const [, second] = plainEntries(1, 3);
    if (second === undefined) throw new Error('three entries were made');
    const error = await refusal([...plainEntries(4, 1), { ...second, sequence: 22 }]);
    expect(error).toMatchObject({ code: 'foreign_writer', retryable: false, poisonSequence: undefined });
    expect(error.message).toMatch(/"entry-2".*sequence 2\b.*sequence 22\b/s);
    expect(await sequences()).toEqual([1, 2, 3]);
  });

  test('the same id with other content stops the sink', async () => {
    await write(plainEntries(1, 3));
    const error = await refusal(plainEntries(1, 3).map(alteredEntry));
    expect(error).toMatchObject({ code: 'foreign_writer', retryable: false });
    expect(error.message).toContain('other content');
  });

  test('the same sequence with another id stops the sink and names both', async () => {
    await write(plainEntries(1, 3));
    const error = await refusal(plainEntries(3, 2, 'stranger'));
    expect(error).toMatchObject({ code: 'foreign_writer', retryable: false });
    expect(error.message).toMatch(/"stranger-3".*"entry-3".*sequence 3\b/s);
    expect(await sequences()).toEqual([1, 2, 3]);
  });

  test('a unique constraint of the operator is a mismatch, not a stranger', async () => {
    await fixture.direct.query(`ALTER TABLE ${table} ADD UNIQUE (user_email)`);
    await write(plainEntries(1, 1));
    const error = await refusal(plainEntries(2, 1));
    expect(error).toMatchObject({ code: 'table_mismatch', retryable: false, poisonSequence: undefined });
  });

  test('a repeated entry whose payload had to be left out is a repeat', async () => {
    const entries = [
      ...plainEntries(1, 2),
      exoticEntry('a number beyond every range', 3),
      ...plainEntries(4, 1),
    ];
    await write(entries);
    await write(entries);
    expect(await sequences()).toEqual([1, 2, 3, 4]);
  });

  test('processes that write the same batches at once store everything once', async () => {
    const others = await Promise.all(Array.from({ length: 3 }, async () => (await watched(kind)).database));
    const sinks = [sink, ...(await Promise.all(others.map((other) => openedSinkOn(other, table))))];
    await Promise.all(
      sinks.map(async (each) => {
        for (let first = 1; first <= 301; first += 50) await write(plainEntries(first, 60), each);
      }),
    );
    expect(await sequences()).toEqual(Array.from({ length: 360 }, (_, index) => index + 1));
  });
});

describe('trouble while writing', () => {
  test('a role without the right to temporary tables absorbs repeats all the same', async () => {
    const { role, url } = await fixture.createRole();
    const name = new URL(fixture.testDatabase.url).pathname.slice(1);
    await fixture.direct.query(`REVOKE TEMPORARY ON DATABASE ${name} FROM PUBLIC`);
    await fixture.direct.query(`GRANT USAGE ON SCHEMA ${table.split('.')[0]} TO ${role}`);
    await fixture.direct.query(`GRANT SELECT, INSERT ON ${table} TO ${role}`);
    const modest = await openedSinkOn(await fixture.connect({ url }), table);
    await write(plainEntries(1, 3), modest);
    await write(plainEntries(1, 5), modest);
    expect(await sequences()).toEqual([1, 2, 3, 4, 5]);
    expect(await refusal(plainEntries(1, 1).map(alteredEntry), modest)).toMatchObject({
      code: 'foreign_writer',
    });
    await fixture.direct.query(`GRANT TEMPORARY ON DATABASE ${name} TO PUBLIC`);
  });

  test('an unknown outcome of COMMIT is retryable, and the repeat finds everything there', async () => {
    let isLost = false;
    const database = await fixture.connect({
      afterStatement: (sql) => {
        if (sql !== 'COMMIT' || isLost) return;
        isLost = true;
        throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
      },
    });
    const flaky = await openedSinkOn(database, table);
    expect(await refusal(plainEntries(1, 4), flaky)).toMatchObject({
      code: 'commit_unknown',
      retryable: true,
    });
    expect(await sequences()).toEqual([1, 2, 3, 4]);
    await write(plainEntries(1, 4), flaky);
    expect(await sequences()).toEqual([1, 2, 3, 4]);
  });

  test.each([
    ['dropped', 'DROP TABLE TABLE_'],
    ['left without a column', 'ALTER TABLE TABLE_ DROP COLUMN trace_id'],
    ['given another type', 'ALTER TABLE TABLE_ ALTER COLUMN sequence TYPE int'],
    // Its values are shorter than those of the type: for the server that is a message that ends too early.
    ['given a longer type', 'ALTER TABLE TABLE_ ALTER COLUMN ip_address TYPE uuid USING NULL'],
  ])('a table that is %s under a running sink is a mismatch that parks nothing', async (_what, sql) => {
    await write(plainEntries(1, 2));
    await fixture.direct.query(sql.replace('TABLE_', table));
    const error = await refusal(plainEntries(3, 4));
    expect(error).toMatchObject({ code: 'table_mismatch', retryable: false, poisonSequence: undefined });
  });

  test('a database that belongs to somebody else stays open', async () => {
    await sink.close();
    await write(plainEntries(1, 1));
    expect(await sequences()).toEqual([1]);
  });
});
