/** Names come from configurations and become parts of statements and of object keys. */
import { posix } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTableName, quoteTableName, resolveTableName } from '../../sinks/postgres/table-name.ts';
import { digestKey, entriesKey, identityKey } from '../../src/archive/layout.ts';
import type { Database } from '../../src/database/database.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import { quoteIdentifier } from '../../src/database/sql.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  database = await openPostgres({ url: test.url, applicationName: 'tests', connectTimeoutMs: 5000 });
});

afterAll(async () => {
  await database.close();
  await test.drop();
});

/** Text in which what ends a name, begins a statement or leaves a folder is common. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 4 }),
      fc.constantFrom(
        '"',
        '""',
        "'",
        ';',
        '--',
        '/*',
        '*/',
        '.',
        '..',
        '/',
        '\\',
        '$$',
        '\0',
        '\n',
        ' ',
        'ledger.',
        '%',
        'a',
      ),
      fc.constantFrom('"; DROP TABLE t; --', '../../etc', 'organization=', '\u202e', 'acme'),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

/** What `make` makes, or undefined where it refuses in words. */
function madeOf<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof Error && error.name !== 'TypeError') return undefined;
    throw error;
  }
}

describe('a hostile name', () => {
  it('is one SQL identifier, or refused', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (name) => {
        const quoted = madeOf(() => quoteIdentifier(name));
        if (quoted === undefined) return;
        const { columns, rows } = await database.query(`SELECT 1 AS ${quoted}`);
        expect([columns, rows.length]).toEqual([[name], 1]);
      }),
      { numRuns: 500 },
    );
  });

  it('is one table of one schema, or refused', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const name = madeOf(() => parseTableName(text));
        if (name === undefined) return;
        const { schema, table } = resolveTableName(name);
        const { rows } = await database.query<{ schema: string; table: string; parts: number }>(
          'SELECT parts[1] AS schema, parts[2] AS table, array_length(parts, 1) AS parts FROM parse_ident($1) AS parts',
          [quoteTableName(name)],
        );
        expect(rows).toEqual([{ schema, table, parts: 2 }]);
      }),
      { numRuns: 500 },
    );
  });

  it('never leads an object’s key out of its folder', () => {
    fc.assert(
      fc.property(
        hostile,
        fc.bigInt({ min: -(10n ** 18n), max: 10n ** 19n }),
        fc.nat(),
        (name, createdAt, sequence) => {
          const keys = [
            madeOf(() => identityKey(name)),
            madeOf(() => digestKey(name, sequence)),
            madeOf(() => entriesKey(name, { createdAt, sequence })),
          ];
          for (const key of keys.filter((made) => made !== undefined)) {
            expect(key).toMatch(/^organization=[a-z0-9][a-z0-9-]{0,62}\/[\w/=.-]+$/);
            expect(posix.normalize(key)).toBe(key);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
