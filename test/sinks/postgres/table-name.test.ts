import { describe, expect, test } from 'vitest';
import { parseTableName, quoteTableName } from '../../../sinks/postgres/table-name.ts';
import { UsageError } from '../../../src/errors.ts';

describe('the name of the table', () => {
  test.each([
    ['entries', { table: 'entries' }, '"public"."entries"'],
    [
      'audit.cockroach_cloud_entries',
      { schema: 'audit', table: 'cockroach_cloud_entries' },
      '"audit"."cockroach_cloud_entries"',
    ],
    ['Audit.Entries', { schema: 'audit', table: 'entries' }, '"audit"."entries"'],
    ['"My Schema"."T"', { schema: 'My Schema', table: 'T' }, '"My Schema"."T"'],
    ['audit."a.b"', { schema: 'audit', table: 'a.b' }, '"audit"."a.b"'],
    ['"say ""hi"""', { table: 'say "hi"' }, '"public"."say ""hi"""'],
    ['журнал.записи_1$', { schema: 'журнал', table: 'записи_1$' }, '"журнал"."записи_1$"'],
    ['_a._b', { schema: '_a', table: '_b' }, '"_a"."_b"'],
    [`"x; DROP TABLE y"`, { table: 'x; DROP TABLE y' }, '"public"."x; DROP TABLE y"'],
  ])('%s is read as SQL reads it', (text, name, quoted) => {
    expect(parseTableName(text)).toEqual(name);
    expect(quoteTableName(name)).toBe(quoted);
  });

  test.each([
    ['', /empty/],
    ['audit.', /empty/],
    ['.entries', /empty/],
    ['a..b', /empty/],
    ['""', /empty/],
    ['"audit', /not closed/],
    ['audit-log', /double quotes/],
    ['my table', /double quotes/],
    ['1st', /double quotes/],
    ['a;b', /double quotes/],
    ['db.audit.entries', /named by the URL/],
    ['"a\0b"', /NUL/],
    ['a\0b', /double quotes/],
    ['x'.repeat(64), /longer than 63 bytes/],
    ['я'.repeat(32), /longer than 63 bytes/],
  ])('%j is refused with a reason', (text, reason) => {
    expect(() => parseTableName(text)).toThrow(reason);
    expect(() => parseTableName(text)).toThrow(UsageError);
  });
});
