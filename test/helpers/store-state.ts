/** What a store holds, as far as it must be the same whatever happened on the way: no clocks, no names of processes. */
import type { Database } from '../../src/database/database.ts';

/** By table, its rows as JSON in a fixed order. */
export type StoreState = Readonly<Record<string, readonly string[]>>;

/** Another one in every run: leases, names of processes, random ids, and what is signed over a time. */
const volatile: Readonly<Record<string, readonly string[]>> = {
  journal_entries: ['id', 'actor'],
  organizations: ['lease_epoch', 'lease_holder', 'lease_until'],
  deliveries: ['lease_epoch', 'lease_holder', 'lease_until'],
  demands: ['id', 'requested_by'],
  digest_journal: ['journal_entry'],
  digests: ['payload_sha256', 'envelope'],
};

interface ColumnRow {
  readonly table: string;
  readonly name: string;
  /** The times' columns, separated by blanks. */
  readonly times: string | null;
}

// The information schema says the same, many times slower.
const selectTables = `SELECT c.relname AS table, n.nspname || '.' || c.relname AS name,
    string_agg(a.attname, ' ') FILTER (WHERE a.atttypid = 'timestamptz'::regtype) AS times
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE n.nspname = ANY($1::text[]) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
  GROUP BY 1, 2 ORDER BY 2`;

/** Every table of these schemas; of a time only whether there is one. */
export async function storeState(database: Database, schemas: readonly string[]): Promise<StoreState> {
  const { rows: tables } = await database.query<ColumnRow>(selectTables, [schemas]);
  const state: Record<string, string[]> = Object.fromEntries(tables.map(({ name }) => [name, []]));
  if (tables.length === 0) return state;
  const { rows } = await database.query<{ name: string; row: string }>(
    `${tables.map(selectRows).join(' UNION ALL ')} ORDER BY 1, 2`,
  );
  for (const { name, row } of rows) state[name]?.push(row);
  return state;
}

function selectRows({ table, name, times }: ColumnRow): string {
  const dropped = (volatile[table] ?? []).map((column) => `'${column}'`);
  const presence = (times ?? '')
    .split(' ')
    .filter((column) => column !== '' && volatile[table]?.includes(column) !== true)
    .map((column) => `'${column}', t.${column} IS NOT NULL`);
  // Two stores that were made separately have ids of their own.
  const row =
    table === 'properties'
      ? `CASE t.name WHEN 'ledger_id' THEN to_jsonb(t) - 'value' ELSE to_jsonb(t) END`
      : 'to_jsonb(t)';
  return `SELECT '${name}' AS name, CAST(${row} - ARRAY[${dropped.join(', ')}]::text[]
    || jsonb_build_object(${presence.join(', ')}) AS text) AS row FROM ${name} t`;
}
