/** The table: what it must be, creating it, and checking one that is there. */
import { createHash } from 'node:crypto';
import type { Database, Queryable } from '../../src/database/database.ts';
import { DatabaseError } from '../../src/database/database-error.ts';
import { quoteIdentifier } from '../../src/database/sql.ts';
import { SinkError } from '../sink-error.ts';
import { fieldColumns } from './taken-columns.ts';
import { isPrivilegeMissing } from './failure.ts';
import { quoteTableName, resolveTableName, type TableName } from './table-name.ts';

interface Column {
  readonly name: string;
  /** As information_schema.columns.data_type spells it, which CREATE TABLE understands as well. */
  readonly type: string;
  /** What else CREATE TABLE says. */
  readonly constraint?: 'NOT NULL' | 'NOT NULL DEFAULT now()';
}

const columns: readonly Column[] = [
  { name: 'organization', type: 'text', constraint: 'NOT NULL' },
  { name: 'id', type: 'text', constraint: 'NOT NULL' },
  { name: 'sequence', type: 'bigint', constraint: 'NOT NULL' },
  { name: 'created_at', type: 'timestamp with time zone' },
  ...fieldColumns.map((name) => ({ name, type: 'text' })),
  { name: 'ip_address', type: 'text' },
  { name: 'payload', type: 'jsonb' },
  { name: 'raw', type: 'text', constraint: 'NOT NULL' },
  { name: 'sha256', type: 'bytea', constraint: 'NOT NULL' },
  { name: 'exported_at', type: 'timestamp with time zone', constraint: 'NOT NULL DEFAULT now()' },
];

/** Each a key of the table; they make a repeated entry visible to the database. */
const keys: readonly (readonly string[])[] = [
  ['organization', 'id'],
  ['organization', 'sequence'],
];

/**
 * Creates the schema, the table and its index where they are missing and checks a table that is there. Each statement
 * stands alone and may be repeated, as CockroachDB wants its DDL. Rejects with a SinkError of code `table_mismatch` for
 * another table under this name, and with the database's errors.
 */
export async function ensureTable(database: Database, name: TableName, signal: AbortSignal): Promise<void> {
  await requireUnicode(database);
  await withRaces(async () => {
    signal.throwIfAborted();
    // Looked up first, because even `IF NOT EXISTS` wants the right to create.
    if (!(await tableExists(database, name))) await createTable(database, name);
  });
  signal.throwIfAborted();
  await checkTable(database, name);
  signal.throwIfAborted();
  await withRaces(() => ensureIndex(database, name));
}

/** Another encoding would refuse entries one by one for their letters. */
async function requireUnicode(database: Database): Promise<void> {
  const { rows } = await database.query<{ server_encoding: string }>('SHOW server_encoding');
  const encoding = rows[0]?.server_encoding;
  if (encoding === 'UTF8') return;
  throw new SinkError(
    `The database ${database.fingerprint} has the encoding ${encoding}, which can't hold every entry. Use a database that was created with ENCODING 'UTF8'.`,
    { code: 'encoding_unsuitable', retryable: false },
  );
}

async function createTable(database: Database, name: TableName): Promise<void> {
  const { schema } = resolveTableName(name);
  const found = await database.query('SELECT 1 AS found FROM pg_catalog.pg_namespace WHERE nspname = $1', [
    schema,
  ]);
  if (found.rowCount === 0) await database.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
  await database.query(createTableSql(name));
}

/** Also for an operator who creates the table by hand. */
export function createTableSql(name: TableName): string {
  const lines = columns.map((column) => [column.name, column.type, column.constraint ?? ''].join(' ').trim());
  const [primary, ...others] = keys.map((key) => `(${key.join(', ')})`);
  lines.push(`PRIMARY KEY ${primary}`, ...others.map((key) => `UNIQUE ${key}`));
  return `CREATE TABLE IF NOT EXISTS ${quoteTableName(name)} (\n  ${lines.join(',\n  ')}\n)`;
}

async function tableExists(database: Queryable, name: TableName): Promise<boolean> {
  const { schema, table } = resolveTableName(name);
  const { rowCount } = await database.query(
    `SELECT 1 AS found FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, table],
  );
  return rowCount > 0;
}

/** The index serves queries only, so a role that may not create one, or an operator who has his own, is left alone. */
async function ensureIndex(database: Database, name: TableName): Promise<void> {
  const { schema, table } = resolveTableName(name);
  const { rows } = await database.query<{ indexdef: string }>(
    'SELECT indexdef FROM pg_catalog.pg_indexes WHERE schemaname = $1 AND tablename = $2',
    [schema, table],
  );
  if (rows.some(({ indexdef }) => /\(organization(?: ASC)?, created_at\b/.test(indexdef))) return;
  const index = quoteIdentifier(indexName(table));
  try {
    await database.query(
      `CREATE INDEX IF NOT EXISTS ${index} ON ${quoteTableName(name)} (organization, created_at)`,
    );
  } catch (error) {
    if (!isPrivilegeMissing(error)) throw error;
  }
}

/** Within 63 bytes, and another one for another table even where the name has to be cut. */
function indexName(table: string): string {
  const suffix = '_organization_created_at';
  if (Buffer.byteLength(table + suffix) <= 63) return table + suffix;
  return `${createHash('sha256').update(table).digest('hex').slice(0, 16)}${suffix}`;
}

interface FoundColumn {
  readonly column_name: string;
  readonly data_type: string;
  readonly is_nullable: string;
  readonly has_default: boolean;
  readonly is_generated: boolean;
}

/** Rejects with a SinkError where the table is not as the sink needs it. */
export async function checkTable(database: Queryable, name: TableName): Promise<void> {
  const { schema, table } = resolveTableName(name);
  const { rows } = await database.query<FoundColumn>(
    `SELECT column_name, data_type, is_nullable, column_default IS NOT NULL OR is_identity = 'YES' AS has_default,
            is_generated = 'ALWAYS' AS is_generated
     FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2`,
    [schema, table],
  );
  const where = quoteTableName(name);
  if (rows.length === 0) {
    throw new SinkError(
      `The table ${where} exists, but the sink's role may not see its columns. Grant it SELECT and INSERT on the table and USAGE on its schema.`,
      { code: 'denied', retryable: false },
    );
  }
  const found = new Map(rows.map((row) => [row.column_name, row]));
  const names = new Set(columns.map((column) => column.name));
  const problems = [
    ...columns.flatMap((column) => columnProblem(column, found.get(column.name))),
    ...rows.filter((row) => !names.has(row.column_name)).flatMap(extraColumnProblem),
    ...(await keyProblems(database, name)),
  ];
  if (problems.length === 0) return;
  throw new SinkError(
    `The table ${where} is not one that this sink can write to: ${problems.join('; ')}. Change the table, or name another one and have it created.`,
    { code: 'table_mismatch', retryable: false },
  );
}

function columnProblem(expected: Column, found: FoundColumn | undefined): string[] {
  const { name, type, constraint } = expected;
  if (found === undefined) return [`column ${name} is missing, expected ${type}`];
  if (found.data_type !== type) return [`column ${name} is ${found.data_type}, expected ${type}`];
  if (found.is_generated) return [`column ${name} is generated, expected a plain ${type}`];
  if (constraint === undefined && found.is_nullable === 'NO') {
    return [`column ${name} is NOT NULL, expected ${type} that may be null`];
  }
  if (name === 'exported_at' && !found.has_default) {
    return [`column ${name} has no default, expected DEFAULT now()`];
  }
  return [];
}

function extraColumnProblem(found: FoundColumn): string[] {
  if (found.is_nullable === 'YES' || found.has_default || found.is_generated) return [];
  return [
    `column ${found.column_name} is not known to the sink, expected it to be nullable or to have a default`,
  ];
}

async function keyProblems(database: Queryable, name: TableName): Promise<string[]> {
  const { schema, table } = resolveTableName(name);
  const { rows } = await database.query<{ constraint_name: string; column_name: string }>(
    `SELECT t.constraint_name, k.column_name
     FROM information_schema.table_constraints t
     JOIN information_schema.key_column_usage k
       ON k.constraint_schema = t.constraint_schema AND k.constraint_name = t.constraint_name
      AND k.table_schema = t.table_schema AND k.table_name = t.table_name
     WHERE t.table_schema = $1 AND t.table_name = $2 AND t.constraint_type IN ('PRIMARY KEY', 'UNIQUE')`,
    [schema, table],
  );
  const found = new Map<string, string[]>();
  for (const row of rows) {
    found.set(row.constraint_name, [...(found.get(row.constraint_name) ?? []), row.column_name]);
  }
  const sets = new Set([...found.values()].map((key) => key.toSorted().join(', ')));
  return keys
    .filter((key) => !sets.has(key.toSorted().join(', ')))
    .map((key) => `there is no unique constraint on (${key.join(', ')})`);
}

const racesMax = 5;
/** What the loser of two processes that create the same thing at once is told: a unique catalogue, or "exists". */
const raceStates: readonly (string | undefined)[] = [
  '23505',
  '42P06',
  '42P07',
  '42710',
  '40001',
  '40P01',
  'XX000',
];

async function withRaces(step: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await step();
      return;
    } catch (error) {
      const isRace = error instanceof DatabaseError && raceStates.includes(error.sqlState);
      if (!isRace || attempt === racesMax) throw error;
    }
  }
}
