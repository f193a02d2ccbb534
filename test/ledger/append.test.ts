import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append, type AppendRequest, type PositionMove } from '../../src/ledger/append.ts';
import type { NewEntry } from '../../src/ledger/prepared-entries.ts';
import { acquireLease, type Lease } from '../../src/ledger/leases.ts';
import { findOrganization } from '../../src/ledger/organizations.ts';
import type { LedgerEntry } from '../../src/ledger/ledger-entry.ts';
import { readSegmentFrom } from '../../src/ledger/segments.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import {
  createTestLedger,
  readLease,
  testDay,
  testEntries,
  testEntry,
  type TestLedger,
} from '../helpers/test-ledger.ts';

let test: TestLedger;
let lease: Lease;

beforeEach(async () => {
  test = await createTestLedger();
  lease = await readLease(test.ledger, test.organization);
});

afterEach(async () => {
  await lease.release();
  await test.close();
});

function request(entries: readonly NewEntry[], move: PositionMove = { kind: 'none' }): AppendRequest {
  return { entries, move };
}

const tailMove: PositionMove = {
  kind: 'tail',
  checkpoint: '2026-03-01T09:00:00.123456Z',
  coveredTo: testDay,
  serverDate: testDay,
};

async function held(): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for (;;) {
    const segment = await readSegmentFrom(test.ledger, test.organization.id, entries.length + 1);
    if (segment === undefined) return entries;
    entries.push(...segment.entries);
  }
}

/** Sequences without gaps, rows and text alike, and the row's next sequence after them. */
async function expectHolds(entries: readonly NewEntry[]): Promise<void> {
  const lines = await held();
  expect(lines.map(({ raw }) => raw.toString())).toEqual(entries.map(({ raw }) => raw.toString()));
  const rows = await test.rows('SELECT entry, sequence FROM ledger.ledger_rows ORDER BY sequence');
  expect(rows).toEqual(entries.map(({ key }, index) => ({ entry: key, sequence: String(index + 1) })));
  const organization = await findOrganization(test.ledger, 'acme');
  expect(organization?.nextSequence).toBe(entries.length + 1);
}

describe('an append', () => {
  it('numbers entries without gaps over pages', async () => {
    const first = await append(test.ledger, lease, request(testEntries(1, 3)));
    const second = await append(test.ledger, lease, request(testEntries(4, 2)));
    expect([first.head, second.head]).toEqual([3, 5]);
    await expectHolds(testEntries(1, 5));
  });

  it('moves the position with the entries, verbatim', async () => {
    await append(test.ledger, lease, request(testEntries(1, 1), tailMove));
    expect(await findOrganization(test.ledger, 'acme')).toMatchObject({
      tailCheckpoint: '2026-03-01T09:00:00.123456Z',
      tailCoveredTo: testDay,
      newestCreatedAt: testEntry(1).createdAt,
    });
  });

  it('moves the position also where nothing is new, and adds no empty segment', async () => {
    await append(test.ledger, lease, request([], tailMove));
    expect(await test.rows('SELECT 1 FROM ledger.segments')).toEqual([]);
    expect((await findOrganization(test.ledger, 'acme'))?.tailCheckpoint).toBe('2026-03-01T09:00:00.123456Z');
  });

  it('drops what is known, in a batch and across batches, in the order of first sight', async () => {
    const [a, b, c] = testEntries(1, 3) as [NewEntry, NewEntry, NewEntry];
    const first = await append(test.ledger, lease, request([b, a, b]));
    const second = await append(test.ledger, lease, request([a, c, b, c]));
    expect([first.known, second.known]).toEqual([1, 3]);
    expect(second.added).toEqual([c]);
    await expectHolds([b, a, c]);
  });

  it('keeps ids that are no UUIDs apart, however alike', async () => {
    const upper = '00000000-0000-4000-8000-00000000ABCD';
    const ids = [upper, upper.toLowerCase(), 'a', 'A', ' a', `{${upper}}`, 'ä', 'x'.repeat(10_000), "'; --"];
    const entries = ids.map((id, index) => testEntry(index, { id }));
    expect((await append(test.ledger, lease, request(entries))).added).toHaveLength(ids.length);
    expect((await append(test.ledger, lease, request(entries))).known).toBe(ids.length);
    await expectHolds(entries);
  });

  it('counts drift and stores nothing of it', async () => {
    const plain = testEntry(1, { rest: ',"payload":{"a":1,"b":2}' });
    const drifted = testEntry(1, { rest: ',"error":null,"payload":"{\\"b\\": 2, \\"a\\": 1}"' });
    await append(test.ledger, lease, request([plain]));
    const across = await append(test.ledger, lease, request([drifted]));
    const [other, otherDrifted] = [testEntry(2), testEntry(2, { rest: ',"metadata":{}' })];
    const inside = await append(test.ledger, lease, request([other, otherDrifted]));
    expect([across.drifted, inside.drifted]).toEqual([1, 1]);
    expect(await test.rows('SELECT 1 FROM ledger.changed_entries')).toEqual([]);
    await expectHolds([plain, other]);
  });

  it('keeps each changed content once, journals it once and gives it no sequence', async () => {
    const original = testEntry(1);
    const changed = testEntry(1, { rest: ',"error":"edited"' });
    const again = testEntry(1, { rest: ',"error":"edited twice"' });
    await append(test.ledger, lease, request([original]));
    const results = [];
    for (const entries of [[changed], [changed, again], [again, original]]) {
      results.push(await append(test.ledger, lease, request(entries)));
    }
    expect(results.map((result) => result.changed)).toEqual([[changed], [again], []]);
    const kept = await test.rows('SELECT raw, sequence FROM ledger.changed_entries ORDER BY length(raw)');
    expect(kept).toEqual([changed, again].map(({ raw }) => ({ raw: raw.toString(), sequence: '1' })));
    expect(await test.rows(`SELECT 1 FROM ledger.journal WHERE what = 'changed_entry'`)).toHaveLength(2);
    await expectHolds([original]);
  });

  it('notices a change inside one batch', async () => {
    const [original, changed] = [testEntry(1), testEntry(1, { rest: ',"error":"edited"' })];
    const result = await append(test.ledger, lease, request([original, changed]));
    expect(result).toMatchObject({ added: [original], changed: [changed] });
  });

  it('takes many changed entries in few statements', async () => {
    await append(test.ledger, lease, request(testEntries(1, 200)));
    test.faults.clear();
    const changed = testEntries(1, 200).map((_, index) =>
      testEntry(index + 1, { rest: ',"error":"edited"' }),
    );
    expect((await append(test.ledger, lease, request(changed))).changed).toHaveLength(200);
    expect(test.faults.seen.length).toBeLessThan(15);
    expect(await test.rows(`SELECT 1 FROM ledger.changed_entries`)).toHaveLength(200);
  });

  it('takes no more statements for a page of a thousand than for a page of one', async () => {
    test.faults.clear();
    await append(test.ledger, lease, request(testEntries(1, 1), tailMove));
    const one = test.faults.seen.length;
    test.faults.clear();
    await append(test.ledger, lease, request(testEntries(2, 1000), tailMove));
    expect(test.faults.seen.length).toBe(one);
    expect(one).toBeLessThanOrEqual(9);
  });
});

describe('an append under failures', () => {
  it('of a stale epoch adds nothing and moves nothing', async () => {
    await test.rows(`UPDATE ledger.organizations SET lease_until = now() - interval '1 second'`);
    const other = await test.connect();
    const taken = await acquireLease(other.ledger, { work: 'read', organization: test.organization.id });
    expect(taken).toBeDefined();
    const error = await rejectionOf(append(test.ledger, lease, request(testEntries(1, 2), tailMove)));
    expect(error).toMatchObject({ kind: 'held', code: 'lease_lost' });
    await expectHolds([]);
    expect((await findOrganization(test.ledger, 'acme'))?.tailCheckpoint).toBeUndefined();
    await taken?.release();
  });

  it('by two processes at once: exactly the one with the lease wins, sequences stay without gaps', async () => {
    const other = await test.connect();
    for (let round = 0; round < 5; round += 1) {
      await test.rows(`UPDATE ledger.organizations SET lease_until = now() - interval '1 second'`);
      const newer = await readLease(other.ledger, test.organization);
      const entries = testEntries(round * 10 + 1, 10);
      const settled = await Promise.allSettled([
        append(test.ledger, lease, request(entries)),
        append(other.ledger, newer, request(entries)),
      ]);
      expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
      await newer.release();
    }
    await expectHolds(testEntries(1, 50));
  });

  const places = [/^BEGIN/, /^UPDATE .*lease_until/s, /^SELECT entry/, /^(?:INSERT INTO|COPY) .*ledger_rows/s]
    .concat([/INSERT INTO .*segments.*SET next_sequence.*tail_checkpoint/s, /^COMMIT/])
    .map((pattern) => [pattern] as const);

  it.each(places)('is repeated after 40001 at %s', async (pattern) => {
    test.faults.failBefore(pattern, '40001', 2);
    const result = await append(test.ledger, lease, request(testEntries(1, 3), tailMove));
    expect(test.faults.remaining).toBe(0);
    expect(result.added).toHaveLength(3);
    await expectHolds(testEntries(1, 3));
  });

  it.each(places)('leaves nothing behind where the connection breaks at %s', async (pattern) => {
    test.faults.failBefore(pattern, 'ECONNRESET', 10);
    const error = await rejectionOf(append(test.ledger, lease, request(testEntries(1, 3), tailMove)));
    expect(error).toMatchObject({ kind: 'store', retryable: true });
    test.faults.clear();
    await expectHolds([]);
    expect((await findOrganization(test.ledger, 'acme'))?.tailCheckpoint).toBeUndefined();
  });

  it.each(['40003', 'ECONNRESET'])(
    'asks the row after a commit that happened and answered %s',
    async (code) => {
      test.faults.failAfter(/^COMMIT/, code);
      const result = await append(test.ledger, lease, request(testEntries(1, 3), tailMove));
      expect(result.added).toHaveLength(3);
      await expectHolds(testEntries(1, 3));
    },
  );

  it.each(['40003', 'ECONNRESET'])('is repeated after a commit that did not happen: %s', async (code) => {
    test.faults.failBefore(/^COMMIT/, code);
    const result = await append(test.ledger, lease, request(testEntries(1, 3), tailMove));
    expect(result.added).toHaveLength(3);
    await expectHolds(testEntries(1, 3));
  });

  it('gives up where every commit stays unknown, instead of trying for ever', async () => {
    test.faults.failBefore(/^COMMIT/, '40003', 1000);
    const error = await rejectionOf(append(test.ledger, lease, request(testEntries(1, 3))));
    expect(error).toMatchObject({ code: 'commit_unknown', retryable: true });
    test.faults.clear();
    await expectHolds([]);
  });

  it('is not undone by tables that can’t be analyzed', async () => {
    test.faults.failBefore(/^ANALYZE/, '57014');
    const result = await append(test.ledger, lease, request(testEntries(1, 10_000)));
    expect(test.faults.remaining).toBe(0);
    expect(result.head).toBe(10_000);
  });

  it('analyzes the tables at 10,000 rows and at each doubling', async () => {
    const analyzed = (): number => test.faults.seen.filter((sql) => sql.startsWith('ANALYZE')).length;
    await append(test.ledger, lease, request(testEntries(1, 9_000)));
    expect(analyzed()).toBe(0);
    await append(test.ledger, lease, request(testEntries(9_001, 1_000)));
    expect(analyzed()).toBe(2);
    await append(test.ledger, lease, request(testEntries(10_001, 9_000)));
    expect(analyzed()).toBe(2);
    await append(test.ledger, lease, request(testEntries(19_001, 1_001)));
    expect(analyzed()).toBe(4);
  });
});
