/** One table's rows from one database to another, in portions by primary key, whatever its columns are. */
import { ExporterError } from '../errors.ts';
import type { Database, Queryable, SqlParameter, SqlValue } from '../database/database.ts';
import { quoteIdentifier } from '../database/sql.ts';

export interface StoreTable {
  readonly name: string;
  readonly columns: readonly StoreColumn[];
  /** The columns of the primary key, in its order. */
  readonly key: readonly StoreColumn[];
}

export interface StoreColumn {
  readonly name: string;
  /** The type's own name: int8, text, bytea, … */
  readonly type: string;
}

export interface TableCopy {
  readonly from: Queryable;
  readonly to: Queryable;
  /** Throws where the copying is to end. */
  readonly isStopped: () => void;
  readonly onProgress: (rows: number) => void;
}

const selectColumns = `SELECT c.table_name, c.column_name, c.udt_name, k.ordinal_position AS key_position
  FROM information_schema.columns c
  JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
  LEFT JOIN information_schema.table_constraints p ON p.table_schema = c.table_schema
    AND p.table_name = c.table_name AND p.constraint_type = 'PRIMARY KEY'
  LEFT JOIN information_schema.key_column_usage k ON k.table_schema = c.table_schema AND k.table_name = c.table_name
    AND k.constraint_name = p.constraint_name AND k.column_name = c.column_name
  WHERE c.table_schema = $1 AND t.table_type = 'BASE TABLE'
  ORDER BY c.table_name, c.ordinal_position`;

interface ColumnRow {
  readonly table_name: string;
  readonly column_name: string;
  readonly udt_name: string;
  readonly key_position: number | string | null;
}

/** Rows of most tables are narrow. */
const portionRows = 2000;
/** Bytes are whole segments or objects: few at a time. */
const portionRowsWithBytes = 4;
/** Hashes are bytes too, in rows that are narrow all the same. */
const narrowTables = new Set(['ledger_rows', 'objects', 'changed_entries']);

/** The tables of a schema, by name. */
export async function readTables(database: Database, schema: string): Promise<StoreTable[]> {
  const { rows } = await database.query<ColumnRow>(selectColumns, [schema]);
  const byTable = new Map<string, ColumnRow[]>();
  for (const row of rows) byTable.set(row.table_name, [...(byTable.get(row.table_name) ?? []), row]);
  return [...byTable].map(([name, columns]) => ({
    name,
    columns: columns.map(toColumn),
    key: columns
      .filter((column) => column.key_position !== null)
      .toSorted((a, b) => Number(a.key_position) - Number(b.key_position))
      .map(toColumn),
  }));
}

/** Copies every row. The memory that is used is that of one portion. */
export async function copyTable(table: StoreTable, copy: TableCopy): Promise<void> {
  if (table.key.length === 0) {
    throw new ExporterError(
      `The table ${table.name} of the store has no primary key: it was altered by hand.`,
      {
        kind: 'store',
        code: 'store_incompatible',
      },
    );
  }
  const statements = statementsFor(table);
  const limit =
    table.columns.some(({ type }) => type === 'bytea') && !narrowTables.has(table.name)
      ? portionRowsWithBytes
      : portionRows;
  let after: readonly SqlValue[] | undefined;
  for (;;) {
    copy.isStopped();
    const sql = after === undefined ? statements.readFirst : statements.readNext;
    const { rows } = await copy.from.query(sql, [limit, ...(after ?? [])]);
    const last = rows.at(-1);
    if (last === undefined) return;
    await copy.to.query(
      statements.write,
      table.columns.map(({ name }): SqlParameter => rows.map((row) => row[name] ?? null)),
    );
    copy.onProgress(rows.length);
    if (rows.length < limit) return;
    after = table.key.map(({ name }) => last[name] ?? null);
  }
}

function statementsFor({ name, columns, key }: StoreTable): {
  readonly readFirst: string;
  readonly readNext: string;
  readonly write: string;
} {
  const list = columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const keyList = key.map((column) => quoteIdentifier(column.name)).join(', ');
  const place = key.map((column, index) => `CAST($${index + 2} AS ${typeName(column)})`).join(', ');
  const arrays = columns.map((column, index) => `CAST($${index + 1} AS ${typeName(column)}[])`).join(', ');
  const end = `ORDER BY ${keyList} LIMIT $1`;
  return {
    readFirst: `SELECT ${list} FROM ledger.${name} ${end}`,
    readNext: `SELECT ${list} FROM ledger.${name} WHERE (${keyList}) > (${place}) ${end}`,
    write: `INSERT INTO ledger.${name} (${list}) SELECT * FROM unnest(${arrays}) AS copied(${list})`,
  };
}

/** Not quoted: CockroachDB takes a quoted name for a type that somebody defined. */
function typeName({ name, type }: StoreColumn): string {
  if (/^[a-z0-9_]+$/.test(type)) return type;
  throw new TypeError(`the column ${name} has a type that the ledger never uses`);
}

function toColumn(row: ColumnRow): StoreColumn {
  return { name: row.column_name, type: row.udt_name };
}
