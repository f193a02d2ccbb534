import { describe, expect, test } from 'vitest';
import { isSqlStateClass, quoteIdentifier, quoteQualifiedName } from '../../src/database/sql.ts';
import { assertCockroachCompatible, cockroachTransactionCheck } from '../helpers/cockroach-compatible.ts';

describe('SQL names', () => {
  test('are quoted, with their schema if they have one', () => {
    expect(quoteIdentifier('a"b')).toBe('"a""b"');
    expect(quoteQualifiedName('audit.cockroach_entries')).toBe('"audit"."cockroach_entries"');
    expect(quoteQualifiedName('Entries')).toBe('"Entries"');
  });

  test.each(['', 'a\0b', 'x'.repeat(64), 'ü'.repeat(32), 'a.b.c', 'a.', '.b'])('%j is refused', (name) => {
    expect(() => quoteQualifiedName(name)).toThrow(/The SQL name/);
  });

  test('of 63 bytes are taken', () => {
    expect(quoteIdentifier('x'.repeat(63))).toBe(`"${'x'.repeat(63)}"`);
  });
});

test('a SQLSTATE belongs to the class of its first two characters', () => {
  expect(isSqlStateClass('23505', '23')).toBe(true);
  expect(isSqlStateClass('42P01', '23')).toBe(false);
  expect(isSqlStateClass(undefined, '23')).toBe(false);
});

describe('the check for CockroachDB', () => {
  test.each([
    'SELECT pg_try_advisory_lock(1)',
    'LISTEN changes',
    'CREATE TABLE a (id bigserial)',
    'INSERT INTO a SELECT unnest($1::jsonb[])',
    'CREATE DOMAIN d AS text',
    'CREATE TABLE a (x int) PARTITION BY RANGE (x)',
    'CREATE TABLE a (id int); CREATE INDEX i ON a (id)',
    'COPY a FROM STDIN WITH (FREEZE)',
  ])('refuses %s', (sql) => {
    expect(() => assertCockroachCompatible(sql)).toThrow('CockroachDB');
  });

  test.each([
    'CREATE TABLE IF NOT EXISTS a (id bigint PRIMARY KEY, body jsonb)',
    "INSERT INTO journal (words) VALUES ('LISTEN to pg_try_advisory_lock and CREATE TABLE, CREATE INDEX')",
    'SELECT id FROM a FOR UPDATE SKIP LOCKED',
    'COPY a (id) FROM STDIN WITH (FORMAT binary)',
  ])('takes %s', (sql) => {
    expect(() => assertCockroachCompatible(sql)).not.toThrow();
  });

  test('refuses a schema change inside a transaction only', () => {
    const check = cockroachTransactionCheck();
    check('CREATE TABLE a (id bigint)');
    check('BEGIN ISOLATION LEVEL READ COMMITTED');
    expect(() => check('CREATE TABLE b (id bigint)')).toThrow('atomic');
    check('ROLLBACK');
    check('CREATE TABLE b (id bigint)');
  });
});
