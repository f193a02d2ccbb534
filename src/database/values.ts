/**
 * How values travel: parameters are sent as text (bytes as bytes), results come back as PostgreSQL printed them and only
 * what JavaScript holds exactly becomes a number, a boolean or a Buffer. Both adapters share this, so that a statement
 * means the same on either.
 */
import type { SqlParameter, SqlValue } from './database.ts';

/** What goes over the wire for one parameter: text, bytes, or null. */
export type EncodedParameter = string | Buffer | null;

export function encodeParameters(parameters: readonly SqlParameter[]): EncodedParameter[] {
  return parameters.map((parameter, index) => {
    // The types forbid it, but an undefined that slipped through would silently become NULL.
    if (parameter === undefined) throw new TypeError(`Parameter $${index + 1} is undefined`);
    return isArray(parameter) ? arrayLiteral(parameter) : encodeValue(parameter);
  });
}

// The type identifiers are fixed: https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat
const decoders: ReadonlyMap<number, (text: string) => SqlValue> = new Map<number, (text: string) => SqlValue>(
  [
    [16, (text) => text === 't'],
    [17, decodeBytes],
    [21, Number],
    [23, Number],
    [700, Number],
    [701, Number],
  ],
);

/** Turns the text of one result column of the type `oid` into a value; every type not named above stays text. */
export function decodeValue(oid: number, text: string): SqlValue {
  const decode = decoders.get(oid);
  return decode === undefined ? text : decode(text);
}

function isArray(parameter: SqlParameter): parameter is readonly SqlValue[] {
  return Array.isArray(parameter);
}

function encodeValue(value: SqlValue): EncodedParameter {
  return value === null || Buffer.isBuffer(value) ? value : String(value);
}

/** https://www.postgresql.org/docs/current/arrays.html#ARRAYS-INPUT */
function arrayLiteral(values: readonly SqlValue[]): string {
  return `{${values.map(arrayElement).join(',')}}`;
}

function arrayElement(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (Buffer.isBuffer(value)) return `"\\\\x${value.toString('hex')}"`;
  if (typeof value !== 'string') return String(value);
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** https://www.postgresql.org/docs/current/datatype-binary.html; sessions of ours always ask for the hex form. */
function decodeBytes(text: string): Buffer {
  if (!text.startsWith('\\x')) throw new Error('bytea arrived in the escape format');
  return Buffer.from(text.slice(2), 'hex');
}
