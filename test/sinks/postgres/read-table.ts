import type { Queryable } from '../../../src/database/database.ts';
import type { ReadBackEntry } from '../../contracts/sink-contract.ts';

/** What a table holds of an organization, by sequence. */
export async function readTable(
  database: Queryable,
  table: string,
  organization: string,
): Promise<ReadBackEntry[]> {
  const { rows } = await database.query<{ sequence: string; raw: string }>(
    `SELECT sequence, raw FROM ${table} WHERE organization = $1 ORDER BY sequence`,
    [organization],
  );
  return rows.map((row) => ({ sequence: Number(row.sequence), raw: row.raw }));
}
