/** Names in SQL and classes of SQLSTATE. */
import { UsageError } from '../errors.ts';

// PostgreSQL cuts longer names silently, and two long names could become one.
const identifierBytesMax = 63;

/** A name as an SQL identifier, quoted. Throws a UsageError for what no database can hold as it is. */
export function quoteIdentifier(name: string): string {
  const problem = identifierProblem(name);
  if (problem !== undefined) throw new UsageError(`The SQL name ${JSON.stringify(name)} ${problem}.`);
  return `"${name.replaceAll('"', '""')}"`;
}

/** `table` or `schema.table`, each part quoted. A dot always separates; a name that contains one can't be written. */
export function quoteQualifiedName(name: string): string {
  const parts = name.split('.');
  if (parts.length > 2) {
    throw new UsageError(
      `The SQL name ${JSON.stringify(name)} has more than two parts; write table or schema.table.`,
    );
  }
  return parts.map(quoteIdentifier).join('.');
}

/** True when `sqlState` belongs to the class, e.g. `isSqlStateClass('23505', '23')` for an integrity violation. */
export function isSqlStateClass(sqlState: string | undefined, sqlClass: string): boolean {
  return sqlState !== undefined && sqlState.startsWith(sqlClass);
}

function identifierProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.includes('\0')) return 'contains a NUL character';
  if (Buffer.byteLength(name) > identifierBytesMax) return `is longer than ${identifierBytesMax} bytes`;
  return undefined;
}
