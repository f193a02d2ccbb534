import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTableSql, parseTableName } from '../../../sinks/postgres/index.ts';
import { plainEntries } from '../../helpers/sink-entries.ts';
import { createPostgresFixture, openedSinkOn, sinkOn, type PostgresFixture } from './postgres-fixture.ts';
import { readTable } from './read-table.ts';

const { signal } = new AbortController();

let fixture: PostgresFixture;

beforeAll(async () => {
  fixture = await createPostgresFixture();
});

afterAll(() => fixture.dispose());

/** A table as the sink makes it, altered by statements in which TABLE stands for its name. */
async function alteredTable(...statements: string[]): Promise<string> {
  const table = fixture.newTable();
  const sink = await openedSinkOn(fixture.direct, table);
  await sink.close();
  for (const statement of statements) await fixture.direct.query(statement.replaceAll('TABLE_', table));
  return table;
}

async function indexesOf(table: string): Promise<string[]> {
  const { rows } = await fixture.direct.query<{ indexdef: string }>(
    `SELECT indexdef FROM pg_indexes WHERE schemaname || '.' || tablename = $1`,
    [table],
  );
  return rows.map((row) => row.indexdef.replace(/^.* USING /, '')).toSorted();
}

describe('opening the postgres sink', () => {
  test('makes the table with its columns, keys and index', async () => {
    const table = await alteredTable();
    const { rows } = await fixture.direct.query<{ column: string }>(
      `SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END AS column
       FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0 ORDER BY attnum`,
    );
    expect(rows.map((row) => row.column)).toEqual([
      'organization text not null',
      'id text not null',
      'sequence bigint not null',
      'created_at timestamp with time zone',
      'action text',
      'source text',
      'user_email text',
      'service_account_name text',
      'system_actor_name text',
      'cluster_id text',
      'cluster_name text',
      'session_id text',
      'trace_id text',
      'error text',
      'ip_address text',
      'payload jsonb',
      'raw text not null',
      'sha256 bytea not null',
      'exported_at timestamp with time zone not null',
    ]);
    expect(await indexesOf(table)).toEqual([
      'btree (organization, created_at)',
      'btree (organization, id)',
      'btree (organization, sequence)',
    ]);
  });

  test('works when many processes do it at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const table = fixture.newTable();
      const sinks = await Promise.all(
        Array.from({ length: 4 }, async () => sinkOn(await fixture.connect({ poolMax: 1 }), table)),
      );
      await Promise.all(sinks.map((sink) => sink.open({ signal })));
      expect(await indexesOf(table)).toHaveLength(3);
    }
  });

  test('finds the table again under a quoted name', async () => {
    const name = '"My ""Schema"""."Entries; --"';
    for (const first of [1, 2]) {
      const sink = await openedSinkOn(fixture.direct, name);
      await sink.write({ organization: 'acme', entries: plainEntries(first, 1) }, { signal });
    }
    expect(await readTable(fixture.direct, name, 'acme')).toHaveLength(2);
  });

  test('means the schema public when none is named, whatever the search path is', async () => {
    await fixture.direct.query('CREATE SCHEMA elsewhere');
    const elsewhere = await fixture.connect({
      url: `${fixture.testDatabase.url}?options=-csearch_path%3Delsewhere`,
    });
    await openedSinkOn(elsewhere, 'entries_without_schema');
    expect(await indexesOf('public.entries_without_schema')).toHaveLength(3);
  });

  test('gives tables with long names an index each', async () => {
    const prefix = 'a'.repeat(62);
    for (const last of ['1', '2']) {
      await openedSinkOn(fixture.direct, `public.${prefix}${last}`);
      expect(await indexesOf(`public.${prefix}${last}`)).toHaveLength(3);
    }
  });

  test('accepts a table made by hand with the SQL it gives', async () => {
    const { role, url } = await fixture.createRole();
    const table = fixture.newTable();
    const [schema] = table.split('.');
    await fixture.direct.query(`CREATE SCHEMA ${schema}`);
    await fixture.direct.query(createTableSql(parseTableName(table)));
    await fixture.direct.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    await fixture.direct.query(`GRANT SELECT, INSERT ON ${table} TO ${role}`);
    const sink = await openedSinkOn(await fixture.connect({ url }), table);
    await sink.write({ organization: 'acme', entries: plainEntries(1, 3) }, { signal });
    expect(await readTable(fixture.direct, table, 'acme')).toHaveLength(3);
  });

  test('says what is missing to a role that may not create the schema', async () => {
    const { url } = await fixture.createRole();
    const sink = sinkOn(await fixture.connect({ url }), fixture.newTable());
    await expect(sink.open({ signal })).rejects.toMatchObject({
      code: 'denied',
      retryable: false,
      message: expect.stringMatching(/permission denied.*CREATE on the database/s),
    });
  });

  test('says what is missing to a role that may not see the table', async () => {
    const { role, url } = await fixture.createRole();
    const table = await alteredTable();
    await fixture.direct.query(`GRANT USAGE ON SCHEMA ${table.split('.')[0]} TO ${role}`);
    const sink = sinkOn(await fixture.connect({ url }), table);
    await expect(sink.open({ signal })).rejects.toMatchObject({
      code: 'denied',
      retryable: false,
      message: expect.stringContaining('SELECT and INSERT'),
    });
  });

  test('leaves further columns alone that need no value', async () => {
    const table = await alteredTable(
      'ALTER TABLE TABLE_ ADD COLUMN note text',
      "ALTER TABLE TABLE_ ADD COLUMN team text NOT NULL DEFAULT 'audit'",
      'ALTER TABLE TABLE_ ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY',
      'ALTER TABLE TABLE_ ADD COLUMN raw_length int GENERATED ALWAYS AS (length(raw)) STORED',
    );
    const sink = await openedSinkOn(fixture.direct, table);
    for (const first of [1, 2]) {
      await sink.write({ organization: 'acme', entries: plainEntries(first, 2) }, { signal });
    }
    expect(await readTable(fixture.direct, table, 'acme')).toHaveLength(3);
  });

  test('does not make a second index beside one that serves', async () => {
    const table = await alteredTable();
    const { rows } = await fixture.direct.query<{ name: string }>(
      `SELECT schemaname || '.' || indexname AS name FROM pg_indexes
       WHERE schemaname || '.' || tablename = $1 AND indexdef LIKE '%created_at%'`,
      [table],
    );
    await fixture.direct.query(`DROP INDEX ${rows[0]?.name}`);
    await fixture.direct.query(`CREATE INDEX ON ${table} (organization, created_at DESC, action)`);
    await openedSinkOn(fixture.direct, table);
    expect(await indexesOf(table)).toHaveLength(3);
  });

  test('names every difference of another table in one go', async () => {
    const table = await alteredTable(
      'ALTER TABLE TABLE_ DROP COLUMN trace_id',
      'ALTER TABLE TABLE_ ALTER COLUMN payload TYPE json',
      'ALTER TABLE TABLE_ ALTER COLUMN action SET NOT NULL',
      'ALTER TABLE TABLE_ ALTER COLUMN exported_at DROP DEFAULT',
      'ALTER TABLE TABLE_ ADD COLUMN team text NOT NULL',
      'ALTER TABLE TABLE_ DROP CONSTRAINT entries_organization_sequence_key',
    );
    const error: unknown = await sinkOn(fixture.direct, table)
      .open({ signal })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'table_mismatch', retryable: false });
    for (const words of [
      'column trace_id is missing, expected text',
      'column payload is json, expected jsonb',
      'column action is NOT NULL',
      'column exported_at has no default',
      'column team is not known to the sink',
      'no unique constraint on (organization, sequence)',
    ]) {
      expect(String(error)).toContain(words);
    }
  });

  test('wants the primary key', async () => {
    const table = await alteredTable('ALTER TABLE TABLE_ DROP CONSTRAINT entries_pkey');
    await expect(sinkOn(fixture.direct, table).open({ signal })).rejects.toMatchObject({
      code: 'table_mismatch',
      message: expect.stringContaining('no unique constraint on (organization, id)'),
    });
  });

  test('refuses a database that can not hold every letter', async () => {
    await fixture.direct.query(`CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    const url = new URL(fixture.testDatabase.url);
    url.pathname = '/latin';
    const latin = await fixture.connect({ url: url.href });
    await expect(sinkOn(latin, 'entries').open({ signal })).rejects.toMatchObject({
      code: 'encoding_unsuitable',
      retryable: false,
    });
    await latin.close();
    await fixture.direct.query('DROP DATABASE latin');
  });

  test('refuses a view of that name', async () => {
    const table = await alteredTable();
    await fixture.direct.query(`CREATE VIEW ${table}_view AS SELECT * FROM ${table}`);
    await expect(sinkOn(fixture.direct, `${table}_view`).open({ signal })).rejects.toMatchObject({
      code: 'table_mismatch',
    });
  });
});
