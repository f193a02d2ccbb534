import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SinkError } from '../../sinks/sink-error.ts';
import type { Sink } from '../../sinks/sink.ts';
import { retryParked, type RetryResult } from '../../src/delivery/retry-parked.ts';
import { findDelivery } from '../../src/ledger/deliveries.ts';
import { listParked } from '../../src/ledger/parked.ts';
import { silentLogger } from '../../src/logger.ts';
import {
  anotherLedger,
  createFilledLedger,
  leaseOf,
  rawOf,
  type FilledLedger,
} from '../helpers/filled-ledger.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const { signal } = new AbortController();
let filled: FilledLedger;
/** What the sink was given, in order. */
let given: string[];

beforeEach(async () => {
  given = [];
  filled = await createFilledLedger();
  for (let segment = 0; segment < 3; segment += 1) await filled.fill(100);
  await filled.addDelivery('picky', { offset: 300 });
  await filled.run(
    `INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason)
     SELECT $1, 'picky', n, 'entry_refused', 'too large' FROM generate_series(1, 299, 2) AS n`,
    [filled.organization.id],
  );
});

afterEach(async () => {
  await filled.close();
});

function sinkThat(refuses: (sequence: number) => SinkError | undefined): Sink {
  return {
    name: 'picky',
    type: 'postgres',
    capabilities: { repeats: 'absorbed' },
    fingerprint: 'place of picky',
    open: async () => undefined,
    attach: async () => undefined,
    write: async ({ entries }) => {
      for (const { sequence, raw } of entries) {
        const refusal = refuses(sequence);
        if (refusal !== undefined) throw refusal;
        given.push(raw.toString());
      }
      return undefined;
    },
    holds: async () => true,
    close: async () => undefined,
  };
}

async function retry(sink: Sink): Promise<RetryResult> {
  const { ledger, organization } = filled;
  const delivery = await findDelivery(ledger, organization.id, 'picky');
  if (delivery === undefined) throw new TypeError('there is no such sink');
  return await retryParked({ ledger, organization, delivery, sink, logger: silentLogger, signal });
}

async function parked(): Promise<number[]> {
  return (await listParked(filled.ledger, { limit: 1000 })).map(({ sequence }) => sequence);
}

describe('trying parked entries again', () => {
  it('gives each to the sink in order, keeps what is refused again, and leaves the offset alone', async () => {
    const refused = new Set([1, 151, 299]);
    const sink = sinkThat((sequence) =>
      refused.has(sequence)
        ? new SinkError('It is too large.', {
            code: 'entry_refused',
            retryable: false,
            poisonSequence: sequence,
          })
        : undefined,
    );
    expect(await retry(sink)).toEqual({ taken: 147, remaining: 3 });
    expect(await parked()).toEqual([1, 151, 299]);
    const expected = Array.from({ length: 150 }, (_, index) => index * 2 + 1).filter((n) => !refused.has(n));
    expect(given).toEqual(expected.map(rawOf));
    expect(await findDelivery(filled.ledger, filled.organization.id, 'picky')).toMatchObject({ offset: 300 });
    expect(
      await filled.run(`SELECT count(*) AS lines FROM ledger.journal WHERE what = 'entry_unparked'`),
    ).toEqual([{ lines: '147' }]);
  });

  it('stops at any other failure of the sink, with what was taken kept', async () => {
    const down = new SinkError('The destination is down.', { code: 'unreachable', retryable: true });
    expect(await rejectionOf(retry(sinkThat((sequence) => (sequence === 7 ? down : undefined))))).toBe(down);
    expect((await parked())[0]).toBe(7);
    expect(given).toHaveLength(3);
  });

  it('is refused while another process feeds the sink, and gives the lease back afterwards', async () => {
    const other = await anotherLedger(filled);
    const target = { work: 'deliver', organization: filled.organization.id, sink: 'picky' } as const;
    const lease = await leaseOf(other, target);
    expect(await rejectionOf(retry(sinkThat(() => undefined)))).toMatchObject({ kind: 'held' });
    expect(given).toEqual([]);
    await lease.release();
    await retry(sinkThat(() => undefined));
    await (await leaseOf(other, target)).release();
    expect(await parked()).toEqual([]);
  });
});
