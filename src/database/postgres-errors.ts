/**
 * What went wrong, from what the driver threw. The server's primary message is kept, since it names tables and
 * constraints; DETAIL and CONTEXT are not, since they quote rows. The original is therefore no `cause` either.
 */
import { DatabaseError } from './database-error.ts';
import { isSqlStateClass } from './sql.ts';

/** Where it happened, for the message and for telling a failed connection from a failed statement. */
export interface FailurePlace {
  /** The database in words: `PostgreSQL at host:port/database`. */
  readonly database: string;
  /** The statement, or undefined while connecting. */
  readonly sql?: string | undefined;
}

interface Verdict {
  readonly code: string;
  readonly retryable: boolean;
  readonly advice: string;
}

/** Turns a driver's error into ours. What is no database error at all (a bug) comes back as it is. */
export function describeDatabaseFailure(thrown: unknown, place: FailurePlace): unknown {
  if (!(thrown instanceof Error) || thrown instanceof DatabaseError) return thrown;
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  if (code !== undefined && isSqlState(code)) return serverError(thrown.message, code, place);
  return connectionError(thrown, code, place);
}

// Five characters with a digit. No class begins with E, but the system's error codes do.
function isSqlState(code: string): boolean {
  return /^(?=.*\d)[0-9A-DF-Z][0-9A-Z]{4}$/.test(code);
}

function serverError(message: string, sqlState: string, place: FailurePlace): DatabaseError {
  const { code, retryable, advice } = judge(sqlState);
  const said = isSqlStateClass(sqlState, '22') ? withoutValues(message) : message;
  return new DatabaseError(`${place.database} refused ${what(place)}: ${said} (${sqlState}).${advice}`, {
    code,
    retryable,
    sqlState,
  });
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
function judge(sqlState: string): Verdict {
  if (['57P03', '53300', '57P05'].includes(sqlState)) {
    return { code: 'unreachable', retryable: true, advice: ' It may take connections again in a moment.' };
  }
  if (['57P01', '57P02', '25P03'].includes(sqlState) || isSqlStateClass(sqlState, '08')) {
    return { code: 'connection_lost', retryable: true, advice: '' };
  }
  if (isSqlStateClass(sqlState, '28') || sqlState === '42501') {
    return { code: 'denied', retryable: false, advice: ' Check the user, its password and its privileges.' };
  }
  if (sqlState === '53100') {
    return { code: 'disk_full', retryable: true, advice: ' Free or add space where the database is.' };
  }
  if (sqlState === '25006') {
    return { code: 'read_only', retryable: true, advice: ' Connect to the primary, not to a standby.' };
  }
  if (sqlState === '3D000') {
    return { code: 'database_missing', retryable: false, advice: ' Create it or correct the URL.' };
  }
  const canPass =
    ['40001', '40P01', '40003', '55P03', '57014'].includes(sqlState) || isSqlStateClass(sqlState, '53');
  return { code: 'statement_failed', retryable: canPass, advice: '' };
}

function connectionError(thrown: Error, code: string | undefined, place: FailurePlace): unknown {
  if (code === 'ENOSPC') {
    return new DatabaseError(`${place.database} has no space left on its disk. Free or add space.`, {
      code: 'disk_full',
      retryable: true,
      cause: thrown,
    });
  }
  if (isTls(thrown, code)) return tlsError(thrown, place);
  if (thrown.message.startsWith('SASL')) {
    return new DatabaseError(
      `${place.database} could not check who is connecting: the password is missing or the server's proof is wrong. Check the password.`,
      { code: 'denied', retryable: false, cause: thrown },
    );
  }
  if (!isConnectionTrouble(thrown, code)) return thrown;
  const reason = reasonWords(thrown, code);
  if (place.sql === undefined) {
    return new DatabaseError(
      `${place.database} can't be reached: ${reason}. Check that it runs and that host and port are right.`,
      { code: 'unreachable', retryable: true, cause: thrown },
    );
  }
  return new DatabaseError(`The connection to ${place.database} was lost during ${what(place)}: ${reason}.`, {
    code: 'connection_lost',
    retryable: true,
    cause: thrown,
  });
}

function isTls(thrown: Error, code: string | undefined): boolean {
  return (
    /SSL connection/.test(thrown.message) ||
    (code !== undefined && /^ERR_(?:TLS|SSL)|CERT|UNABLE_TO_|_SIGNATURE|^EPROTO$/.test(code))
  );
}

function tlsError(thrown: Error, place: FailurePlace): DatabaseError {
  return new DatabaseError(
    `${place.database} can't be reached safely: ${thrown.message}. Check sslmode and sslrootcert in the URL.`,
    { code: 'tls_failed', retryable: false, cause: thrown },
  );
}

/** The system's codes (ECONNRESET, ENOTFOUND, …) and the driver's own words, which have no code. */
function isConnectionTrouble(thrown: Error, code: string | undefined): boolean {
  if (code !== undefined) return /^E[A-Z]+(?:_[A-Z]+)*$/.test(code) && !code.startsWith('ERR_');
  return /^Connection terminated|timeout|is not queryable|^Connection lost/.test(thrown.message);
}

function reasonWords(thrown: Error, code: string | undefined): string {
  if (thrown.message === 'Query read timeout') return 'it did not answer in time';
  // An AggregateError of several addresses has no words of its own.
  return thrown.message === '' ? (code ?? 'unknown') : thrown.message;
}

function what(place: FailurePlace): string {
  if (place.sql === undefined) return 'the connection';
  return /^\s*([A-Za-z]+)/.exec(place.sql)?.[1]?.toUpperCase() ?? 'a statement';
}

/** Messages of class 22 quote the value that was wrong, which is a piece of an entry. */
function withoutValues(message: string): string {
  return message.replace(/"[^]*"/, '"…"').replace(/'[^]*'/, "'…'");
}
