/** Whether two stores hold the same: the rows of every table by number, and of every organization the end of its ledger. */
import { ExporterError } from '../errors.ts';
import type { Queryable } from '../database/database.ts';
import type { StoreTable } from './copy-table.ts';

export interface CopiedTable {
  readonly table: string;
  readonly rows: number;
}

export interface CopiedStore {
  readonly tables: readonly CopiedTable[];
  /** Per organization: its name and the last sequence, alike in both. */
  readonly heads: readonly { readonly organization: string; readonly head: number }[];
}

const selectHeads = `SELECT o.name, o.next_sequence, encode(r.line_sha256, 'hex') AS last_hash,
    (SELECT count(*) FROM ledger.ledger_rows c WHERE c.organization = o.id) AS entries,
    (SELECT sum(length(s.lines)) FROM ledger.segments s WHERE s.organization = o.id) AS text_bytes
  FROM ledger.organizations o
  LEFT JOIN ledger.ledger_rows r ON r.organization = o.id AND r.sequence = o.next_sequence - 1
  ORDER BY o.name`;

interface HeadRow {
  readonly name: string;
  readonly next_sequence: string;
  readonly last_hash: string | null;
  readonly entries: string;
  readonly text_bytes: string | null;
}

/** Throws an ExporterError of code `copy_differs` that says where they do. */
export async function compareStores(
  from: Queryable,
  to: Queryable,
  tables: readonly StoreTable[],
): Promise<CopiedStore> {
  const counts: CopiedTable[] = [];
  for (const { name } of tables) {
    const [rows, copied] = [await countRows(from, name), await countRows(to, name)];
    if (rows !== copied) throw differs(`the table ${name} has ${rows} rows and its copy ${copied}`);
    counts.push({ table: name, rows });
  }
  const [heads, copiedHeads] = [await readHeads(from), await readHeads(to)];
  for (const [index, head] of heads.entries()) {
    if (JSON.stringify(head) === JSON.stringify(copiedHeads[index])) continue;
    throw differs(`the ledger of "${head.name}" ends otherwise than its copy`);
  }
  return {
    tables: counts,
    heads: heads.map((head) => ({ organization: head.name, head: Number(head.next_sequence) - 1 })),
  };
}

async function countRows(queryable: Queryable, table: string): Promise<number> {
  const { rows } = await queryable.query<{ rows: string }>(`SELECT count(*) AS rows FROM ledger.${table}`);
  return Number(rows[0]?.rows);
}

async function readHeads(queryable: Queryable): Promise<HeadRow[]> {
  return (await queryable.query<HeadRow>(selectHeads)).rows;
}

function differs(where: string): ExporterError {
  return new ExporterError(
    `The copy is not like the store: ${where}. Something was written meanwhile; stop every process that uses the store, ` +
      'drop the schema that was begun at the target, and copy again.',
    { kind: 'store', code: 'copy_differs' },
  );
}
