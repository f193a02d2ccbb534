import { afterEach, describe, expect, it, vi } from 'vitest';
import { append } from '../../src/ledger/append.ts';
import { acquireLease, leaseHolder, type Lease, type LeaseTarget } from '../../src/ledger/leases.ts';
import { registerDelivery } from '../../src/ledger/deliveries.ts';
import { startTcpProxy, type TcpProxy } from '../helpers/tcp-proxy.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { createTestLedger, readLease, testEntries, type TestLedger } from '../helpers/test-ledger.ts';

const held: Lease[] = [];
let test: TestLedger | undefined;
let proxy: TcpProxy | undefined;

afterEach(async () => {
  await Promise.allSettled(held.splice(0).map((lease) => lease.release()));
  await proxy?.close();
  proxy = undefined;
  await test?.close();
  test = undefined;
});

async function start(leaseMs = 30_000): Promise<TestLedger> {
  test = await createTestLedger({ leaseMs });
  return test;
}

function readTarget({ organization }: TestLedger): LeaseTarget {
  return { work: 'read', organization: organization.id };
}

async function take(ledger: TestLedger['ledger'], target: LeaseTarget): Promise<Lease | undefined> {
  const lease = await acquireLease(ledger, target);
  if (lease !== undefined) held.push(lease);
  return lease;
}

async function deliverTarget(current: TestLedger): Promise<LeaseTarget> {
  const { organization, ledger } = current;
  await registerDelivery(ledger, {
    organization: organization.id,
    sink: 'warehouse',
    type: 'postgres',
    fingerprint: 'somewhere',
    from: 'beginning',
  });
  return { work: 'deliver', organization: organization.id, sink: 'warehouse' };
}

/** Lets the lease of a dead process run out by the clock of the database. */
async function runOut(current: TestLedger): Promise<void> {
  for (const table of ['organizations', 'deliveries']) {
    await current.rows(`UPDATE ledger.${table} SET lease_until = now() - interval '1 millisecond'`);
  }
}

describe.each(['read', 'deliver'] as const)('a lease to %s', (work) => {
  async function targetOf(current: TestLedger): Promise<LeaseTarget> {
    return work === 'read' ? readTarget(current) : await deliverTarget(current);
  }

  it('is had by one process at a time, and the others learn who has it', async () => {
    const current = await start();
    const target = await targetOf(current);
    const other = await current.connect();
    expect(await take(current.ledger, target)).toBeDefined();
    expect(await take(other.ledger, target)).toBeUndefined();
    expect(await leaseHolder(other.ledger, target)).toMatchObject({ holder: current.ledger.actor });
  });

  it('goes to exactly one of many who want it at once', async () => {
    const current = await start();
    const target = await targetOf(current);
    const others = await Promise.all([current.connect(), current.connect(), current.connect()]);
    const taken = await Promise.all(
      [current, ...others].flatMap(({ ledger }) => [take(ledger, target), take(ledger, target)]),
    );
    expect(taken.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  it('is free at once when it was given back, and giving back twice is once', async () => {
    const current = await start();
    const target = await targetOf(current);
    const other = await current.connect();
    const lease = await take(current.ledger, target);
    await Promise.all([lease?.release(), lease?.release()]);
    expect(lease?.signal.aborted).toBe(true);
    const next = await take(other.ledger, target);
    expect(next).toBeDefined();
    await lease?.release();
    expect(await leaseHolder(current.ledger, target)).toMatchObject({ holder: other.ledger.actor });
  });

  it('raises its epoch with every taker', async () => {
    const current = await start();
    const target = await targetOf(current);
    const first = await take(current.ledger, target);
    await runOut(current);
    const second = await take((await current.connect()).ledger, target);
    expect(BigInt(second?.epoch ?? 0)).toBe(BigInt(first?.epoch ?? 0) + 1n);
  });

  it('is renewed while it is held', async () => {
    const current = await start(600);
    const target = await targetOf(current);
    const lease = await take(current.ledger, target);
    const until = (await leaseHolder(current.ledger, target))?.until;
    await vi.waitFor(async () => {
      const now = (await leaseHolder(current.ledger, target))?.until;
      expect(now !== undefined && until !== undefined && now > until).toBe(true);
    });
    expect(lease?.signal.aborted).toBe(false);
  });

  it('tells its holder when another one has taken it over', async () => {
    const current = await start(600);
    const target = await targetOf(current);
    const lease = await take(current.ledger, target);
    await current.rows(`UPDATE ledger.organizations SET lease_epoch = lease_epoch + 1`);
    await current.rows(`UPDATE ledger.deliveries SET lease_epoch = lease_epoch + 1`);
    await vi.waitFor(() => expect(lease?.signal.aborted).toBe(true), { timeout: 5000 });
    expect(lease?.signal.reason).toMatchObject({ code: 'lease_lost', kind: 'held' });
  });
});

describe('a lease', () => {
  it('that ran out by the database’s clock is taken over, and the sleeper can commit nothing', async () => {
    const current = await start();
    const sleeper = await readLease(current.ledger, current.organization);
    held.push(sleeper);
    const other = await current.connect();
    expect(await take(other.ledger, readTarget(current))).toBeUndefined();
    await runOut(current);
    expect(await take(other.ledger, readTarget(current))).toBeDefined();
    const request = { entries: testEntries(1, 2), move: { kind: 'none' } } as const;
    expect(await rejectionOf(append(current.ledger, sleeper, request))).toMatchObject({ code: 'lease_lost' });
    expect(await current.rows('SELECT 1 FROM ledger.ledger_rows')).toEqual([]);
  });

  it.each(['blackhole', 'cut'] as const)(
    'is lost when the store can’t be reached for longer than it lasts: %s',
    async (outage) => {
      const current = await start(600);
      const url = new URL(current.url);
      proxy = await startTcpProxy(Number(url.port));
      url.host = `127.0.0.1:${proxy.port}`;
      const far = await current.connect({ url: url.href });
      const lease = await take(far.ledger, readTarget(current));
      expect(lease).toBeDefined();
      if (outage === 'blackhole') proxy.blackhole();
      else await proxy.close();
      await vi.waitFor(() => expect(lease?.signal.aborted).toBe(true), { timeout: 5000 });
      await vi.waitFor(async () => expect(await take(current.ledger, readTarget(current))).toBeDefined());
      // Nothing is asked of a store that is away.
      await lease?.release();
      if (outage === 'blackhole') proxy.cut();
      else proxy = undefined;
    },
  );

  it('survives a renewal that fails once', async () => {
    const current = await start(600);
    const lease = await take(current.ledger, readTarget(current));
    current.faults.failBefore(/SET lease_until = now\(\)/, 'ECONNRESET');
    await vi.waitFor(() => expect(current.faults.remaining).toBe(0), { timeout: 5000 });
    const renewals = current.faults.seen.length;
    await vi.waitFor(() => expect(current.faults.seen.length).toBeGreaterThan(renewals));
    expect(lease?.signal.aborted).toBe(false);
  });

  it('is not renewed any more once it was given back', async () => {
    const current = await start(600);
    const other = await current.connect();
    const lease = await take(current.ledger, readTarget(current));
    await lease?.release();
    current.faults.clear();
    await take(other.ledger, readTarget(current));
    const renewals = (): number =>
      other.faults.seen.filter((sql) => /SET lease_until = now/.test(sql)).length;
    await vi.waitFor(() => expect(renewals()).toBeGreaterThan(2), { timeout: 5000 });
    expect(current.faults.seen).toEqual([]);
  });
});
