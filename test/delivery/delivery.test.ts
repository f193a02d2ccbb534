import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SinkBatch } from '../../sinks/sink.ts';
import { SinkError } from '../../sinks/sink-error.ts';
import { silentDeliveryObserver } from '../../src/delivery/delivery-observer.ts';
import { startDelivery, type RunningDelivery } from '../../src/delivery/delivery.ts';
import { append } from '../../src/ledger/append.ts';
import { findDelivery, registerDelivery, type DeliveryLease } from '../../src/ledger/deliveries.ts';
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
const everything = { flush: false, signal };

let test: TestLedger;
const leases: DeliveryLease[] = [];

beforeEach(async () => {
  test = await createTestLedger();
});

afterEach(async () => {
  for (const lease of leases.splice(0)) await lease.release();
  await test.close();
});

async function fill(first: number, count: number): Promise<void> {
  const lease = await readLease(test.ledger, test.organization);
  await append(test.ledger, lease, { entries: testEntries(first, count), move: { kind: 'none' } });
  await lease.release();
}

async function deliver(
  sink: ScriptedSink,
  options: { readonly process?: LedgerProcess; readonly abort?: AbortSignal } = {},
): Promise<RunningDelivery> {
  const { ledger } = options.process ?? test;
  await registerDelivery(ledger, {
    organization: test.organization.id,
    sink: sink.name,
    type: sink.type,
    fingerprint: sink.fingerprint,
    from: 'beginning',
  });
  const lease = await deliveryLease(ledger, test.organization, sink.name);
  leases.push(lease);
  const parts = { ledger, lease, organization: test.organization, sink, logger: silentLogger };
  return await startDelivery(
    { ...parts, observer: silentDeliveryObserver, abort: options.abort ?? signal },
    signal,
  );
}

async function offsetOf(sink: ScriptedSink): Promise<number | undefined> {
  return (await findDelivery(test.ledger, test.organization.id, sink.name))?.offset;
}

async function parked(): Promise<number[]> {
  const rows = await test.rows('SELECT sequence FROM ledger.parked_entries ORDER BY sequence');
  return rows.map((row) => Number(Object.values(row)[0]));
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Refuses the first of these sequences that a batch holds, as a sink does that bisects. */
function refusing(poison: ReadonlySet<number>): (batch: SinkBatch) => Promise<undefined> {
  return async ({ entries }) => {
    const refused = entries.find(({ sequence }) => poison.has(sequence));
    if (refused === undefined) return undefined;
    throw new SinkError('The entry is too large.', {
      code: 'entry_refused',
      retryable: false,
      poisonSequence: refused.sequence,
    });
  };
}

describe('a delivery', () => {
  it('hands over everything in order, in batches of bounded count, and moves the offset', async () => {
    await fill(1, 3000);
    await fill(3001, 2500);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    await delivery.feed(everything);
    expect(sequencesOf(sink.taken).flat()).toEqual(range(1, 5500));
    expect(Math.max(...sink.taken.map(({ entries }) => entries.length))).toBeLessThanOrEqual(4000);
    expect(await offsetOf(sink)).toBe(5500);
    expect(delivery.offset).toBe(5500);
  });

  it('bounds a batch in bytes, and hands over a larger entry alone', async () => {
    const lease = await readLease(test.ledger, test.organization);
    const sizes = [3, 3, 9, 1, 7, 1].map((mebibytes) => mebibytes * 1024 * 1024);
    const entries = sizes.map((size, index) => testEntry(index, { rest: `,"x":"${'x'.repeat(size)}"` }));
    await append(test.ledger, lease, { entries, move: { kind: 'none' } });
    await lease.release();
    const sink = createScriptedSink();
    await (await deliver(sink)).feed(everything);
    expect(sequencesOf(sink.taken)).toEqual([[1, 2], [3], [4], [5], [6]]);
  });

  it('gives each entry its bytes, its hash and its id', async () => {
    const odd = testEntry(1, { id: 'not a uuid', rest: ',"z":1.0,"a":"\\u0041"' });
    const lease = await readLease(test.ledger, test.organization);
    await append(test.ledger, lease, { entries: [odd], move: { kind: 'none' } });
    await lease.release();
    const sink = createScriptedSink();
    await (await deliver(sink)).feed(everything);
    const [given] = sink.taken[0]?.entries ?? [];
    expect(given?.raw.toString()).toBe(odd.raw.toString());
    expect(given).toMatchObject({ id: 'not a uuid', sha256: odd.lineSha256, createdAt: odd.createdAt });
  });

  it('offers the same range again after a failure, and nothing was acknowledged', async () => {
    await fill(1, 10);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    sink.onWrite = () => Promise.reject(new SinkError('away', { code: 'away', retryable: true }));
    expect(await rejectionOf(delivery.feed(everything))).toMatchObject({ code: 'away' });
    expect(await offsetOf(sink)).toBe(0);
    sink.onWrite = undefined;
    await delivery.feed(everything);
    expect(sequencesOf(sink.offered)).toEqual([range(1, 10), range(1, 10)]);
  });

  it('goes on after its offset in another process', async () => {
    await fill(1, 5);
    const sink = createScriptedSink();
    await (await deliver(sink)).feed(everything);
    for (const lease of leases.splice(0)) await lease.release();
    await fill(6, 5);
    const again = createScriptedSink();
    await (await deliver(again, { process: await test.connect() })).feed(everything);
    expect(sequencesOf(again.taken)).toEqual([range(6, 10)]);
    expect(again.attachments[0]?.last).toMatchObject({ sequence: 5, sha256: testEntry(5).lineSha256 });
  });

  it('lets a write that is under way finish when it is told to stop, and acknowledges it', async () => {
    await fill(1, 10);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    const stop = new AbortController();
    sink.onWrite = async () => {
      stop.abort();
      return undefined;
    };
    await rejectionOf(delivery.feed({ flush: false, signal: stop.signal }));
    expect(await offsetOf(sink)).toBe(10);
  });

  it('aborts the write at the deadline of a stop', async () => {
    await fill(1, 10);
    const sink = createScriptedSink();
    const deadline = new AbortController();
    const delivery = await deliver(sink, { abort: deadline.signal });
    sink.onWrite = (_, writing) =>
      new Promise((_resolve, reject) => {
        writing.addEventListener('abort', () => reject(new Error('aborted')));
        deadline.abort();
      });
    expect((await rejectionOf(delivery.feed(everything))).message).toBe('aborted');
    expect(await offsetOf(sink)).toBe(0);
  });

  it('refuses another destination under the same name and says what to do', async () => {
    await fill(1, 1);
    const sink = createScriptedSink();
    await deliver(sink);
    for (const lease of leases.splice(0)) await lease.release();
    const error = await rejectionOf(deliver(createScriptedSink({ fingerprint: 'elsewhere' })));
    expect(error).toMatchObject({ code: 'destination_changed', retryable: false });
    for (const words of ['elsewhere', 'nowhere', 'sink retire scripted'])
      expect(error.message).toContain(words);
  });

  it('does not start where the destination is lost', async () => {
    const lost = new SinkError('The last entry is gone.', { code: 'destination_lost', retryable: false });
    const sink = createScriptedSink({ attach: () => Promise.reject(lost) });
    expect(await rejectionOf(deliver(sink))).toBe(lost);
  });

  it('whose lease was taken over can’t move the offset, whatever its sink took', async () => {
    await fill(1, 10);
    const zombie = createScriptedSink();
    const delivery = await deliver(zombie);
    const other = await test.connect();
    const successor = createScriptedSink();
    zombie.onWrite = async () => {
      await test.rows(`UPDATE ledger.deliveries SET lease_until = now() - interval '1 second'`);
      await fill(11, 10);
      await (await deliver(successor, { process: other })).feed(everything);
      return undefined;
    };
    expect(await rejectionOf(delivery.feed(everything))).toMatchObject({ code: 'lease_lost' });
    expect(await offsetOf(successor)).toBe(20);
    expect(sequencesOf(successor.taken)).toEqual([range(1, 20)]);
  });
});

describe('an offset', () => {
  it.each(['40003', 'ECONNRESET'])('that was committed is not committed twice: %s', async (code) => {
    await fill(1, 10);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    test.faults.failAfter(/^COMMIT/, code);
    await delivery.feed(everything);
    expect(sequencesOf(sink.offered)).toEqual([range(1, 10)]);
    expect(await offsetOf(sink)).toBe(10);
  });

  it('that was not committed is committed again', async () => {
    await fill(1, 10);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    test.faults.failBefore(/^COMMIT/, '40003');
    await delivery.feed(everything);
    expect(await offsetOf(sink)).toBe(10);
  });

  it('is read again where nobody could tell: what the sink has is not offered twice', async () => {
    await fill(1, 10);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    test.faults.failAfter(/^COMMIT/, 'ECONNRESET');
    test.faults.failBefore(/^SELECT acknowledged/, 'ECONNRESET');
    expect(await rejectionOf(delivery.feed(everything))).toMatchObject({ kind: 'store', retryable: true });
    await delivery.feed(everything);
    expect(sequencesOf(sink.offered)).toEqual([range(1, 10)]);
    expect(delivery.offset).toBe(10);
  });
});

describe('an entry that a sink can never take', () => {
  it('is parked with the offset in one commit, and its neighbours are written', async () => {
    await fill(1, 10);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    sink.onWrite = refusing(new Set([4, 5, 10]));
    await delivery.feed(everything);
    expect(sequencesOf(sink.taken).flat()).toEqual([1, 2, 3, 6, 7, 8, 9]);
    expect(await parked()).toEqual([4, 5, 10]);
    expect(await offsetOf(sink)).toBe(10);
    expect(await test.rows(`SELECT 1 FROM ledger.journal WHERE what = 'entry_parked'`)).toHaveLength(3);
  });

  it('is neither parked nor passed where the commit fails', async () => {
    await fill(1, 3);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    sink.onWrite = refusing(new Set([1]));
    test.faults.failBefore(/INSERT INTO .*parked_entries/s, '53100');
    expect(await rejectionOf(delivery.feed(everything))).toMatchObject({ kind: 'store' });
    expect(await parked()).toEqual([]);
    expect(await offsetOf(sink)).toBe(0);
    await delivery.feed(everything);
    expect(await parked()).toEqual([1]);
    expect(await offsetOf(sink)).toBe(3);
  });

  it('is found also where the sink names a later one first', async () => {
    await fill(1, 6);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    const poison = [5, 2];
    sink.onWrite = async ({ entries }) => {
      const refused = poison.find((sequence) => entries.some((entry) => entry.sequence === sequence));
      if (refused === undefined) return undefined;
      const options = { code: 'entry_refused', retryable: false, poisonSequence: refused };
      throw new SinkError('refused', options);
    };
    await delivery.feed(everything);
    expect(sequencesOf(sink.taken).flat()).toEqual([1, 3, 4, 6]);
    expect(await parked()).toEqual([2, 5]);
  });

  it('stops the sink where more than ten come in a row', async () => {
    await fill(1, 30);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    sink.onWrite = refusing(new Set(range(3, 30)));
    const error = await rejectionOf(delivery.feed(everything));
    expect(error).toMatchObject({ code: 'too_many_refused', retryable: false });
    expect(await parked()).toEqual(range(3, 12));
    expect(await offsetOf(sink)).toBe(12);
  });

  it('of more than ten that do not come in a row stops nothing', async () => {
    await fill(1, 40);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    const poison = range(1, 40).filter((sequence) => sequence % 2 === 0);
    sink.onWrite = refusing(new Set(poison));
    await delivery.feed(everything);
    expect(await parked()).toEqual(poison);
    expect(await offsetOf(sink)).toBe(40);
  });

  it.each([0, 11, -1, 4.5])('moves nothing where the sink names one it was not given: %d', async (named) => {
    await fill(1, 10);
    const sink = createScriptedSink();
    const delivery = await deliver(sink);
    const options = { code: 'entry_refused', retryable: false, poisonSequence: named };
    sink.onWrite = () => Promise.reject(new SinkError('refused', options));
    const error = await rejectionOf(delivery.feed(everything));
    expect(error).toMatchObject({ code: 'refusal_unusable', retryable: false });
    expect(await parked()).toEqual([]);
    expect(await offsetOf(sink)).toBe(0);
  });
});
