import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CopyBinaryWriter } from '../../src/database/copy-binary.ts';
import type { Database } from '../../src/database/database.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = await openPostgres({ url: testDatabase.url, applicationName: 'test', connectTimeoutMs: 10_000 });
  await database.query('CREATE TABLE copied (n bigint, t text, i bigint, at timestamptz, j jsonb, b bytea)');
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

beforeEach(async () => {
  await database.query('TRUNCATE copied');
});

interface Values {
  readonly text: string | null;
  readonly integer: bigint;
  readonly time: bigint;
  readonly json: string | Buffer | null;
  readonly bytes: Buffer;
}

interface CopiedRow {
  readonly t: string | null;
  readonly i: string;
  readonly us: string | null;
  readonly j: string | null;
  readonly b: Buffer;
}

const nothing: Values = { text: null, integer: 0n, time: 0n, json: null, bytes: Buffer.of() };

/** Sends rows through a real server and reads them back. */
async function roundTrip(rows: readonly Values[], bytesExpected = 0): Promise<CopiedRow[]> {
  const writer = new CopyBinaryWriter(6, bytesExpected);
  for (const [index, row] of rows.entries()) {
    writer.startRow();
    writer.int8(index);
    writer.text(row.text);
    writer.int8(row.integer);
    writer.timestamptz(row.time);
    writer.jsonb(row.json);
    writer.bytes(row.bytes);
  }
  await database.copyIn('COPY copied FROM STDIN WITH (FORMAT binary)', writer.finish());
  // The server's own binary form is the only one that does not round at the far ends.
  const result = await database.query<Omit<CopiedRow, 'us'> & { at: Buffer | null }>(
    `SELECT t, i, timestamptz_send(at) AS at, j, b FROM copied ORDER BY n`,
  );
  const epoch = 946_684_800_000_000n;
  return result.rows.map(({ at, ...row }) => ({
    ...row,
    us: at === null ? null : (at.readBigInt64BE() + epoch).toString(),
  }));
}

describe('rows in the binary format of COPY', () => {
  test('nothing is sent as no rows', async () => {
    expect(await roundTrip([])).toEqual([]);
  });

  test('whatever the values are, the server reads the same', async () => {
    const row = fc.record({
      text: fc.option(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '\u2400'))),
      integer: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      time: fc.bigInt({ min: -62_167_219_200_000_000_000n, max: 253_402_300_799_999_999_999n }),
      json: fc.option(fc.string({ unit: 'grapheme-ascii' }).map((text) => JSON.stringify(text))),
      bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        await database.query('TRUNCATE copied');
        const expected = rows.map((values) => ({
          t: values.text,
          i: values.integer.toString(),
          us: floorDivide(values.time, 1000n).toString(),
          j: values.json,
          b: values.bytes,
        }));
        expect(await roundTrip(rows)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test('JSON may come as bytes', async () => {
    const [row] = await roundTrip([{ ...nothing, json: Buffer.from('{"é":12345678901234567890.50}') }]);
    expect(row?.j).toBe('{"é": 12345678901234567890.50}');
  });

  test('times are cut to microseconds, downwards on both sides of 1970', async () => {
    const times = [1_999n, 1_000n, 999n, 0n, -1n, -1_000n, -1_001n];
    const rows = await roundTrip(times.map((time) => ({ ...nothing, time })));
    expect(rows.map((row) => row.us)).toEqual(['1', '1', '0', '0', '-1', '-1', '-2']);
  });

  test('a time that timestamptz has no room for is null, and the last ones that fit are kept', async () => {
    const first = -210_866_803_200_000_000_000n;
    const end = 9_224_318_016_000_000_000_000n;
    const times = [first, end - 1_000n, first - 1n, end, 2n ** 80n, -(2n ** 80n)];
    const rows = await roundTrip(times.map((time) => ({ ...nothing, time })));
    expect(rows.map((row) => row.us)).toEqual([
      '-210866803200000000',
      '9224318015999999999',
      null,
      null,
      null,
      null,
    ]);
  });

  test('the buffer grows as needed, whatever was expected', async () => {
    const rows = Array.from({ length: 50 }, (_, index) => ({
      ...nothing,
      text: 'ж'.repeat(index * 100),
      bytes: Buffer.alloc(index * 1000, index),
    }));
    const expected = rows.map((row) => asText(row.text, row.bytes));
    expect((await roundTrip(rows)).map((row) => asText(row.t, row.b))).toEqual(expected);
    await database.query('TRUNCATE copied');
    expect((await roundTrip(rows, 10_000_000)).map((row) => asText(row.t, row.b))).toEqual(expected);
  });
});

test.each(['', 'not-a-uuid', '00000000-0000-4000-8000-00000000000', '00000000-0000-4000-8000-00000000000g'])(
  'a UUID is refused that is none: %j',
  (text) => {
    expect(() => new CopyBinaryWriter(1, 100).uuid(text)).toThrow(TypeError);
  },
);

function asText(text: string | null, bytes: Buffer): string {
  return `${text} ${bytes.toString('hex')}`;
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const remainder = ((dividend % divisor) + divisor) % divisor;
  return (dividend - remainder) / divisor;
}
