import { describe, expect, test } from 'vitest';
import { isDataError, quoteId, sinkFailure } from '../../../sinks/postgres/failure.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import { DatabaseError } from '../../../src/database/database-error.ts';

function failed(sqlState: string | undefined, code = 'statement_failed', retryable = false): DatabaseError {
  return new DatabaseError(`PostgreSQL at db:5432/x refused COPY: no (${sqlState}).`, {
    code,
    retryable,
    sqlState,
  });
}

describe('a failure of the database', () => {
  test.each([
    ['22021', true],
    ['22P02', true],
    ['22P05', true],
    ['22003', true],
    ['23502', true],
    ['23514', true],
    ['54000', true],
    ['54001', true],
    ['23505', false],
    ['22P03', false],
    ['22P04', false],
    ['42P01', false],
    ['42501', false],
    ['53100', false],
    ['53200', false],
    ['57014', false],
    ['40001', false],
    [undefined, false],
  ])('with SQLSTATE %s is to blame on an entry: %s', (sqlState, expected) => {
    expect(isDataError(failed(sqlState))).toBe(expected);
  });

  test.each([
    ['42P01', 'table_mismatch', false],
    ['42703', 'table_mismatch', false],
    ['3F000', 'table_mismatch', false],
    ['22P03', 'table_mismatch', false],
  ])('with SQLSTATE %s is a %s', (sqlState, code, retryable) => {
    expect(sinkFailure(failed(sqlState), '"t"')).toMatchObject({ code, retryable, kind: 'sink' });
  });

  test.each([
    ['unreachable', true],
    ['connection_lost', true],
    ['commit_unknown', true],
    ['disk_full', true],
    ['read_only', true],
    ['denied', false],
    ['database_missing', false],
  ])('of code %s keeps its code and whether trying again helps', (code, retryable) => {
    const error = sinkFailure(failed(undefined, code, retryable), '"t"');
    expect(error).toBeInstanceOf(SinkError);
    expect(error).toMatchObject({ code, retryable, poisonSequence: undefined });
  });

  test('an error that is none of the database stays what it is', () => {
    const abort = new DOMException('This operation was aborted', 'AbortError');
    expect(sinkFailure(abort, '"t"')).toBe(abort);
  });
});

describe('an id in a message', () => {
  test('is quoted, short, and harmless on a terminal', () => {
    expect(quoteId('40b15ccd-6a87-4efc')).toBe('"40b15ccd-6a87-4efc"');
    expect(quoteId('a\u001b[31m\u009b2J\u2028"')).toBe(String.raw`"a\u001b[31m\u009b2J\u2028\""`);
    expect(quoteId('x'.repeat(5000))).toHaveLength(103);
  });
});
