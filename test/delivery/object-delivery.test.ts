import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Roll, SinkBatch, WriteReceipt } from '../../sinks/sink.ts';
import { silentDeliveryObserver } from '../../src/delivery/delivery-observer.ts';
import { startDelivery, type RunningDelivery } from '../../src/delivery/delivery.ts';
import { createObjectRoll } from '../../src/delivery/object-roll.ts';
import { entriesKey } from '../../src/archive/layout.ts';
import { append } from '../../src/ledger/append.ts';
import type { NewEntry } from '../../src/ledger/prepared-entries.ts';
import { findDelivery, registerDelivery, type DeliveryLease } from '../../src/ledger/deliveries.ts';
import { inflatePiece, type PackedLines } from '../../src/gzip-pieces.ts';
import { createFollower } from '../../src/ledger/recent-segments.ts';
import { silentLogger } from '../../src/logger.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { createScriptedSink, sequencesOf, type ScriptedSink } from '../helpers/scripted-sink.ts';
import {
  createTestLedger,
  deliveryLease,
  readLease,
  testEntries,
  testEntry,
  type LedgerProcess,
  type TestLedger,
} from '../helpers/test-ledger.ts';

const signal = new AbortController().signal;
const flush = { flush: true, signal };
const noFlush = { flush: false, signal };
const roomy: Roll = { entries: 50, bytes: 1_000_000, ageMs: 3_600_000, byDay: true };

let test: TestLedger;
const leases: DeliveryLease[] = [];

beforeEach(async () => {
  test = await createTestLedger();
});

afterEach(async () => {
  for (const lease of leases.splice(0)) await lease.release();
  await test.close();
});

async function fill(entries: readonly NewEntry[]): Promise<void> {
  const lease = await readLease(test.ledger, test.organization);
  await append(test.ledger, lease, { entries, move: { kind: 'none' } });
  await lease.release();
}

/** An object store in memory: an object is written once, a second one of its name must be the same. */
class Objects {
  readonly contents = new Map<string, string>();

  sink(roll: Partial<Roll> = {}): ScriptedSink {
    const sink = createScriptedSink({ capabilities: { repeats: 'absorbed', roll: { ...roomy, ...roll } } });
    sink.onWrite = async (batch) => this.put(batch);
    return sink;
  }

  put({ organization, entries }: SinkBatch): WriteReceipt {
    const [first] = entries;
    if (first === undefined) throw new TypeError('a batch holds at least one entry');
    const key = entriesKey(organization, first);
    const content = entries.map(({ raw }) => `${raw.toString()}\n`).join('');
    const there = this.contents.get(key);
    if (there !== undefined && there !== content) throw new Error(`another object was put at ${key}`);
    this.contents.set(key, content);
    const storedSha256 = createHash('sha256').update(content).digest();
    return { key, storedSha256, storedBytes: content.length };
  }

  get lines(): string[] {
    return [...this.contents.values()].flatMap((content) => content.split('\n').slice(0, -1));
  }
}

async function deliver(sink: ScriptedSink, process: LedgerProcess = test): Promise<RunningDelivery> {
  const { ledger } = process;
  const { organization } = test;
  await registerDelivery(ledger, {
    organization: organization.id,
    sink: sink.name,
    type: sink.type,
    fingerprint: sink.fingerprint,
    from: 'beginning',
  });
  const lease = await deliveryLease(ledger, organization, sink.name);
  leases.push(lease);
  return await startDelivery(
    {
      ledger,
      lease,
      organization,
      sink,
      logger: silentLogger,
      observer: silentDeliveryObserver,
      abort: signal,
    },
    signal,
  );
}

/** As after a crash: the lease runs out, and another process takes over. */
async function takeOver(sink: ScriptedSink): Promise<RunningDelivery> {
  await test.rows(`UPDATE ledger.deliveries SET lease_until = now() - interval '1 second'`);
  return await deliver(sink, await test.connect());
}

async function offset(): Promise<number | undefined> {
  return (await findDelivery(test.ledger, test.organization.id, 'scripted'))?.offset;
}

function texts(first: number, count: number): string[] {
  return testEntries(first, count).map(({ raw }) => raw.toString());
}

describe('a delivery of objects', () => {
  it('closes an object at its count, and keeps the rest until it is full or asked for', async () => {
    await fill(testEntries(1, 25));
    const objects = new Objects();
    const sink = objects.sink({ entries: 10 });
    const delivery = await deliver(sink);
    await delivery.feed(noFlush);
    expect(sequencesOf(sink.taken).map((batch) => batch.length)).toEqual([10, 10]);
    expect(await offset()).toBe(20);
    await fill(testEntries(26, 4));
    await delivery.feed(noFlush);
    expect(await offset()).toBe(20);
    await delivery.feed(flush);
    expect(sequencesOf(sink.taken)[2]).toHaveLength(9);
    expect(objects.lines).toEqual(texts(1, 29));
  });

  it('plans an object in the commit that confirms the one before, and gets it ready while that is written', async () => {
    await fill(testEntries(1, 25));
    const objects = new Objects();
    const sink = objects.sink({ entries: 10 });
    const prepared: SinkBatch[] = [];
    sink.prepare = (batch) => void prepared.push(batch);
    const seen: unknown[] = [];
    sink.onWrite = async (batch) => {
      await vi.waitFor(() => expect(prepared).toHaveLength(Math.min(sink.offered.length, 2)));
      seen.push(
        await test.rows(
          `SELECT first_sequence, confirmed_at IS NULL AS planned FROM ledger.objects ORDER BY first_sequence`,
        ),
      );
      return objects.put(batch);
    };
    await (await deliver(sink)).feed(flush);
    const confirmed = (first: number): object => ({ first_sequence: String(first), planned: false });
    const planned = (first: number): object => ({ first_sequence: String(first), planned: true });
    expect(seen).toEqual([
      [planned(1)],
      [confirmed(1), planned(11)],
      [confirmed(1), confirmed(11), planned(21)],
    ]);
    expect(sink.offered.slice(1)).toEqual(prepared);
    expect(await offset()).toBe(25);
  });

  it('writes what was got ready beside a write that failed in its turn, once', async () => {
    await fill(testEntries(1, 25));
    const objects = new Objects();
    const sink = objects.sink({ entries: 10 });
    let failures = 2;
    sink.onWrite = async (batch) => {
      failures -= 1;
      if (failures >= 0) throw new Error('the disk is away');
      return objects.put(batch);
    };
    const delivery = await deliver(sink);
    await rejectionOf(delivery.feed(flush));
    await rejectionOf(delivery.feed(flush));
    await delivery.feed(flush);
    expect(sequencesOf(sink.taken).map((batch) => batch.length)).toEqual([10, 10, 5]);
    expect(objects.lines).toEqual(texts(1, 25));
  });

  it('closes an object at its bytes, and gives a larger entry one of its own', async () => {
    const sizes = [40, 40, 300, 10, 10, 10];
    await fill(sizes.map((size, index) => testEntry(index, { rest: `,"x":"${'x'.repeat(size)}"` })));
    const sink = new Objects().sink({ bytes: 260 });
    await (await deliver(sink)).feed(flush);
    expect(sequencesOf(sink.taken)).toEqual([[1, 2], [3], [4, 5, 6]]);
  });

  it('never mixes days of UTC, also where entries come late', async () => {
    const day = 86_400;
    const seconds = [10, 20, day - 1, day, day + 5, 30, day + 6];
    await fill(seconds.map((second, index) => testEntry(index, { second })));
    const objects = new Objects();
    const sink = objects.sink();
    await (await deliver(sink)).feed(flush);
    expect(sequencesOf(sink.taken)).toEqual([[1, 2, 3], [4, 5], [6], [7]]);
    expect([...objects.contents.keys()].map((key) => key.slice(key.indexOf('date=')))).toEqual([
      'date=2026-03-01/000000000001.jsonl.gz',
      'date=2026-03-02/000000000004.jsonl.gz',
      'date=2026-03-01/000000000006.jsonl.gz',
      'date=2026-03-02/000000000007.jsonl.gz',
    ]);
  });

  it('closes an object at its age, counted from its first entry’s append', async () => {
    await fill(testEntries(1, 3));
    let now = 0;
    const roll = createObjectRoll({
      ledger: test.ledger,
      follower: createFollower(test.organization.id),
      roll: { ...roomy, ageMs: 60_000 },
      now: () => now,
    });
    expect(await roll.next({ after: 0, flush: false, signal })).toBeUndefined();
    await fill(testEntries(4, 1));
    now = 50_000;
    expect(await roll.next({ after: 0, flush: false, signal })).toBeUndefined();
    now = 60_000;
    expect((await roll.next({ after: 0, flush: false, signal }))?.entries).toHaveLength(4);
    expect(await roll.next({ after: 4, flush: true, signal })).toBeUndefined();
  });

  it('hands over what the append packed, of each object just its own, and nothing that is not at hand', async () => {
    const day = 86_400;
    const text = `,"text":"${'x'.repeat(2000)}"`;
    const seconds = [200, 100, 70].flatMap((count, index) =>
      Array.from({ length: count }, (_, place) => index * day + place),
    );
    const entries = seconds.map((second, index) => testEntry(index + 1, { second, rest: text }));
    const objects = new Objects();
    const sink = objects.sink({ entries: 1000 });
    sink.onWrite = async (batch) => {
      packed.push(batch.packed ?? []);
      return objects.put(batch);
    };
    const packed: (readonly PackedLines[])[] = [];
    const delivery = await deliver(sink);
    await fill(entries.slice(0, 150));
    await fill(entries.slice(150, 320));
    await delivery.feed(flush);
    const places = (): unknown[] =>
      packed.map((pieces) => pieces.map((one) => [one.firstSequence, one.entries]));
    expect(sequencesOf(sink.taken).map((taken) => taken.length)).toEqual([200, 100, 20]);
    expect(places()).toEqual([
      [
        [1, 150],
        [151, 50],
      ],
      [[201, 100]],
      [],
    ]);
    // Another process appends: this one reads from the store.
    const lease = await readLease((await test.connect()).ledger, test.organization);
    packed.length = 0;
    await append((await test.connect()).ledger, lease, {
      entries: entries.slice(320),
      move: { kind: 'none' },
    });
    await lease.release();
    await delivery.feed(flush);
    expect(places()).toEqual([[]]);
    expect(objects.lines).toHaveLength(370);
  });

  it('holds the text of a long object packed, and gives it to who asks, also after a crash', async () => {
    const text = `,"text":"${'x'.repeat(5000)}"`;
    const entries = Array.from({ length: 1500 }, (_, index) =>
      testEntry(index + 1, { second: 1, rest: text }),
    );
    const objects = new Objects();
    const roll = { entries: 2000, bytes: 16_000_000 };
    const sink = objects.sink(roll);
    const delivery = await deliver(sink);
    for (let from = 0; from < entries.length; from += 500) await fill(entries.slice(from, from + 500));
    const offered: (readonly PackedLines[])[] = [];
    sink.onWrite = async (batch) => {
      offered.push(batch.packed ?? []);
      throw new Error('killed');
    };
    await rejectionOf(delivery.feed(flush));
    const second = objects.sink(roll);
    second.onWrite = async (batch) => {
      offered.push(batch.packed ?? []);
      return objects.put(batch);
    };
    await (await takeOver(second)).feed(flush);
    expect(objects.lines).toEqual(entries.map(({ raw }) => raw.toString()));
    const held = offered.map((pieces) => pieces.reduce((sum, one) => sum + one.entries, 0));
    expect(held).toEqual([1500, 1500]);
    const [object] = await test.rows('SELECT entries, raw_bytes FROM ledger.objects');
    const bytes = entries.reduce((sum, { raw }) => sum + raw.length, 0);
    expect(object).toEqual({ entries: '1500', raw_bytes: String(bytes) });
  });

  it('makes long objects that begin and end in the middle of what was packed', async () => {
    const text = `,"text":"${'x'.repeat(5000)}"`;
    const entries = Array.from({ length: 2000 }, (_, index) =>
      testEntry(index + 1, { second: 1, rest: text }),
    );
    const objects = new Objects();
    const sink = objects.sink({ entries: 630, bytes: 16_000_000 });
    const delivery = await deliver(sink);
    for (const [from, to] of [
      [0, 333],
      [333, 1100],
      [1100, 1150],
      [1150, 2000],
    ] as const) {
      await fill(entries.slice(from, to));
      await delivery.feed(noFlush);
    }
    await delivery.feed(flush);
    expect(sequencesOf(sink.taken).map((taken) => taken.length)).toEqual([630, 630, 630, 110]);
    expect(objects.lines).toEqual(entries.map(({ raw }) => raw.toString()));
    for (const { packed = [], entries: given } of sink.taken) {
      for (const lines of packed) {
        const from = lines.firstSequence - (given[0]?.sequence ?? 0);
        const own = given.slice(from, from + lines.entries).map(({ raw }) => `${raw.toString()}\n`);
        expect(inflatePiece(lines).toString()).toBe(own.join(''));
      }
    }
  });

  it('counts the age over a restart, by the clock of the database', async () => {
    await fill(testEntries(1, 3));
    await test.rows(`UPDATE ledger.segments SET appended_at = now() - interval '2 minutes'`);
    const sink = new Objects().sink({ ageMs: 60_000 });
    await (await deliver(sink)).feed(noFlush);
    expect(sequencesOf(sink.taken)).toEqual([[1, 2, 3]]);
  });

  it('offers exactly the planned range again after a failed write, whatever came since', async () => {
    await fill(testEntries(1, 5));
    const objects = new Objects();
    const sink = objects.sink();
    const delivery = await deliver(sink);
    sink.onWrite = () => Promise.reject(new Error('away'));
    await rejectionOf(delivery.feed(flush));
    await fill(testEntries(6, 5));
    sink.onWrite = async (batch) => objects.put(batch);
    await delivery.feed(flush);
    expect(sequencesOf(sink.taken)).toEqual([
      [1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10],
    ]);
  });

  it('moves nothing where the sink says that it wrote another object', async () => {
    await fill(testEntries(1, 5));
    const sink = new Objects().sink();
    const delivery = await deliver(sink);
    for (const receipt of [undefined, { key: 'other', storedSha256: Buffer.alloc(32), storedBytes: 1 }]) {
      sink.onWrite = async () => receipt;
      expect(await rejectionOf(delivery.feed(flush))).toMatchObject({
        kind: 'sink',
        code: 'receipt_differs',
      });
    }
    expect(await offset()).toBe(0);
  });

  it('writes nothing where the planned lines are others by now', async () => {
    await fill(testEntries(1, 5));
    const sink = new Objects().sink();
    const delivery = await deliver(sink);
    sink.onWrite = () => Promise.reject(new Error('away'));
    await rejectionOf(delivery.feed(flush));
    await test.rows(`UPDATE ledger.objects SET content_sha256 = '\\x00'`);
    const offers = sink.offered.length;
    expect(await rejectionOf(delivery.feed(flush))).toMatchObject({ kind: 'store', code: 'plan_differs' });
    expect(sink.offered).toHaveLength(offers);
  });
});

const steps = [
  ['planning: the row', 'before', /^UPDATE .*deliveries SET lease_until/s],
  ['planning: the plan', 'before', /INSERT INTO .*objects/s],
  ['planning: the commit', 'before', /^COMMIT/],
  ['planning: the commit’s answer', 'after', /^COMMIT/],
  ['confirming: the offset', 'before', /SET acknowledged/],
  ['confirming: the object', 'before', /SET confirmed_at/],
] as const;

describe('an archive', () => {
  it.each(steps)(
    'is whole after a crash at %s, and no object is written twice otherwise',
    async (_, when, at) => {
      await fill(testEntries(1, 30));
      const objects = new Objects();
      const delivery = await deliver(objects.sink({ entries: 10 }));
      if (when === 'before') test.faults.failBefore(at, 'ECONNRESET', 50);
      else test.faults.failAfter(at, 'ECONNRESET', 50);
      await rejectionOf(delivery.feed(flush));
      test.faults.clear();
      await fill(testEntries(31, 5));
      await (await takeOver(objects.sink({ entries: 7 }))).feed(flush);
      expect(objects.lines).toEqual(texts(1, 35));
      expect(await offset()).toBe(35);
      const unconfirmed = await test.rows('SELECT 1 FROM ledger.objects WHERE confirmed_at IS NULL');
      expect(unconfirmed).toEqual([]);
    },
  );

  it.each(['before', 'after'] as const)('is whole after a crash %s the object was put', async (when) => {
    await fill(testEntries(1, 30));
    const objects = new Objects();
    const sink = objects.sink({ entries: 10 });
    const delivery = await deliver(sink);
    sink.onWrite = async (batch) => {
      if (when === 'after') objects.put(batch);
      throw new Error('killed');
    };
    await rejectionOf(delivery.feed(flush));
    await fill(testEntries(31, 5));
    await (await takeOver(objects.sink({ entries: 25 }))).feed(flush);
    expect(objects.lines).toEqual(texts(1, 35));
  });

  it('has the right content also where a zombie writes beside its successor', async () => {
    await fill(testEntries(1, 30));
    const objects = new Objects();
    const zombie = objects.sink({ entries: 10 });
    const delivery = await deliver(zombie);
    zombie.onWrite = async (batch) => {
      await (await takeOver(objects.sink({ entries: 10 }))).feed(flush);
      return objects.put(batch);
    };
    expect(await rejectionOf(delivery.feed(flush))).toMatchObject({ code: 'lease_lost' });
    expect(objects.lines).toEqual(texts(1, 30));
    expect(await offset()).toBe(30);
  });

  it('goes on where the confirmation’s answer was lost and nobody could be asked', async () => {
    await fill(testEntries(1, 10));
    const objects = new Objects();
    const sink = objects.sink({ entries: 10 });
    const delivery = await deliver(sink);
    test.faults.callAfter(/SET confirmed_at/, () => test.faults.failAfter(/^COMMIT/, 'ECONNRESET'));
    test.faults.failBefore(/^SELECT acknowledged/, 'ECONNRESET');
    expect(await rejectionOf(delivery.feed(flush))).toMatchObject({ retryable: true });
    await fill(testEntries(11, 10));
    await delivery.feed(flush);
    expect(objects.lines).toEqual(texts(1, 20));
    expect(sequencesOf(sink.taken)).toHaveLength(2);
  });
});
