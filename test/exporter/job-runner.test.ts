import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runJobs, type Job } from '../../src/exporter/job-runner.ts';
import { registerDelivery } from '../../src/ledger/deliveries.ts';
import { acquireLease, type Lease } from '../../src/ledger/leases.ts';
import { silentLogger } from '../../src/logger.ts';
import { createTestLedger, type TestLedger } from '../helpers/test-ledger.ts';

const waiting = { timeout: 20_000, interval: 20 };
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function startWith(sinks: readonly string[]): Promise<TestLedger> {
  const test = await createTestLedger();
  closing.push(() => test.close());
  for (const sink of sinks) {
    await registerDelivery(test.ledger, {
      organization: test.organization.id,
      sink,
      type: 'postgres',
      fingerprint: sink,
      from: 'beginning',
    });
  }
  return test;
}

/** Jobs that do nothing until they are told to stop. */
function idleJobs(test: TestLedger, sinks: readonly string[], onStart: (sink: string) => void): Job[] {
  return sinks.map((sink) => ({
    name: sink,
    target: { work: 'deliver', organization: test.organization.id, sink },
    run: async (_, signal) => {
      onStart(sink);
      await once(signal, 'abort');
    },
    onLease: () => undefined,
    onFailure: () => Promise.resolve(),
  }));
}

function start(test: TestLedger, jobs: readonly Job[]): void {
  const controller = new AbortController();
  const running = runJobs(test.ledger, jobs, { signal: controller.signal, logger: silentLogger });
  closing.push(async () => {
    controller.abort();
    await running;
  });
}

describe('jobs under leases', () => {
  it('are taken over while a process that stopped inside a transaction has the row of another locked', async () => {
    const test = await startWith(['a', 'b', 'c']);
    const stopped = await test.connect();
    const started: string[] = [];
    await stopped.database.transaction(async (transaction) => {
      await transaction.query("SELECT sink FROM ccloud_audit.deliveries WHERE sink = 'a' FOR UPDATE");
      start(
        test,
        idleJobs(test, ['a', 'b', 'c'], (sink) => started.push(sink)),
      );
      await vi.waitFor(() => expect(started).toEqual(['b', 'c']), waiting);
    });
    await vi.waitFor(() => expect(started).toEqual(['b', 'c', 'a']), waiting);
  });

  it('are found without asking again and again for leases that others have', async () => {
    const sinks = Array.from({ length: 16 }, (_, index) => `sink-${String(index).padStart(2, '0')}`);
    const test = await startWith(sinks);
    const other = await test.connect();
    const held: Lease[] = [];
    closing.push(() => Promise.all(held.map((lease) => lease.release())));
    for (const sink of sinks.slice(0, 10)) {
      const target = { work: 'deliver', organization: test.organization.id, sink } as const;
      const lease = await acquireLease(other.ledger, target);
      if (lease !== undefined) held.push(lease);
    }
    const started: string[] = [];
    const askedAt: number[] = [];
    start(
      test,
      idleJobs(test, sinks, (sink) => {
        started.push(sink);
        askedAt.push(test.faults.seen.filter((sql) => sql.includes('SET lease_holder')).length);
      }),
    );
    await vi.waitFor(() => expect(started).toEqual(sinks.slice(10)), waiting);
    expect(askedAt.at(-1)).toBe(sinks.length);
  });
});
