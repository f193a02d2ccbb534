/** The name of the sink's table as an operator writes it, by SQL's rules for identifiers. */
import { quoteIdentifier } from '../../src/database/sql.ts';
import { UsageError } from '../../src/errors.ts';

export interface TableName {
  /** Left out: `public`. Not the connection's search path, so that one name is one table whoever connects. */
  readonly schema?: string;
  readonly table: string;
}

const defaultSchema = 'public';
const plainPart = /[\p{L}_][\p{L}\p{N}_$]*/uy;
const quotedPart = /"((?:[^"]|"")*)"/uy;

/**
 * Reads `table`, `schema.table` or `"My Schema"."T"`. As in SQL, a part without quotes is folded to lower case and
 * one in double quotes is taken as it is. Throws a UsageError that says what is wrong with the name.
 */
export function parseTableName(text: string): TableName {
  const parts: string[] = [];
  let position = 0;
  for (;;) {
    const part = readPart(text, position);
    parts.push(part.name);
    position = part.end;
    if (position === text.length) break;
    if (text[position] !== '.')
      refuse(text, 'put a part that is more than letters, digits, _ and $ in double quotes');
    position += 1;
  }
  for (const part of parts) quoteIdentifier(part);
  const [first, second, third] = parts;
  if (third !== undefined) refuse(text, 'write table or schema.table; the database is named by the URL');
  if (first === undefined) return refuse(text, 'it is empty');
  return second === undefined ? { table: first } : { schema: first, table: second };
}

/** Schema and table with nothing left to the connection. */
export function resolveTableName(name: TableName): Required<TableName> {
  return { schema: name.schema ?? defaultSchema, table: name.table };
}

/** Both parts quoted, ready to stand in SQL; also unambiguous in messages and fingerprints. */
export function quoteTableName(name: TableName): string {
  const { schema, table } = resolveTableName(name);
  return `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}

function readPart(text: string, start: number): { readonly name: string; readonly end: number } {
  const pattern = text[start] === '"' ? quotedPart : plainPart;
  pattern.lastIndex = start;
  const match = pattern.exec(text);
  if (match === null) {
    return refuse(
      text,
      text[start] === '"'
        ? 'a double quote is not closed'
        : 'a part is empty, or needs double quotes because it starts with something else than a letter or _',
    );
  }
  const name = match[1] === undefined ? match[0].toLowerCase() : match[1].replaceAll('""', '"');
  return { name, end: start + match[0].length };
}

function refuse(text: string, reason: string): never {
  throw new UsageError(`The table name ${JSON.stringify(text)} can't be used: ${reason}.`);
}
