/** What a failed statement means for a delivery: try again, stop with a sentence, or set one entry aside. */
import { DatabaseError } from '../../src/database/database-error.ts';
import { isSqlStateClass } from '../../src/database/sql.ts';
import { SinkError } from '../sink-error.ts';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const uniqueViolation = '23505';
const insufficientPrivilege = '42501';
const protocolViolation = '08P01';
/** The table is not what it was: schema, table or column gone, other types, or bytes that don't fit a column's type. */
const mismatches: readonly (string | undefined)[] = [
  '3F000',
  '42P01',
  '42703',
  '42804',
  '42809',
  '428C9',
  '42P10',
  '22P03',
  '22P04',
];

export function isUniqueViolation(thrown: unknown): boolean {
  return thrown instanceof DatabaseError && thrown.sqlState === uniqueViolation;
}

/**
 * What a server says, among other things, of a value that is too short for its column's type; a pooler says it of a server that
 * it can't reach.
 */
export function isProtocolViolation(thrown: unknown): boolean {
  return thrown instanceof DatabaseError && thrown.sqlState === protocolViolation;
}

export function isPrivilegeMissing(thrown: unknown): boolean {
  return thrown instanceof DatabaseError && thrown.sqlState === insufficientPrivilege;
}

/** Whether the values of some entry are to blame: classes 22 (data), 23 (constraints) and 54 (limits). */
export function isDataError(thrown: unknown): thrown is DatabaseError {
  if (!(thrown instanceof DatabaseError) || mismatches.includes(thrown.sqlState)) return false;
  if (thrown.sqlState === uniqueViolation) return false;
  return ['22', '23', '54'].some((sqlClass) => isSqlStateClass(thrown.sqlState, sqlClass));
}

/** A database's failure as a SinkError; anything else (an abort, a SinkError, a bug) as it is. */
export function sinkFailure(thrown: unknown, where: string): unknown {
  if (!(thrown instanceof DatabaseError)) return thrown;
  if (mismatches.includes(thrown.sqlState)) {
    return new SinkError(
      `The table ${where} is no longer what it was when the sink was opened. ${thrown.message} Undo the change, or rename the table and start again to have a new one created.`,
      { code: 'table_mismatch', retryable: false, cause: thrown },
    );
  }
  return new SinkError(`The table ${where} can't be used. ${thrown.message} ${adviceFor(thrown)}`, {
    code: thrown.code,
    retryable: thrown.retryable,
    cause: thrown,
  });
}

/** The entry that this table can never take. */
export function entryRefused(refusal: DatabaseError, where: string, sequence: number): SinkError {
  return new SinkError(
    `The table ${where} refuses the entry with sequence ${sequence}, even with its payload column empty. ${refusal.message} The entry is set aside; change the table if it should hold it, then retry it.`,
    { code: 'entry_refused', retryable: false, poisonSequence: sequence, cause: refusal },
  );
}

/** An id as it may be printed anywhere: quoted, of bounded length, without what a terminal would act upon. */
export function quoteId(id: string): string {
  const shown = id.length > idLengthMax ? `${id.slice(0, idLengthMax)}…` : id;
  return JSON.stringify(shown).replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const idLengthMax = 100;

function adviceFor(error: DatabaseError): string {
  if (isPrivilegeMissing(error)) {
    return 'The role needs SELECT and INSERT on the table and USAGE on its schema, and CREATE on the database if the table does not exist yet.';
  }
  return error.retryable ? 'It is tried again.' : 'Look at the server and at the URL of the sink.';
}
