import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append } from '../../src/ledger/append.ts';
import {
  acknowledge,
  findDelivery,
  noteDeliveryFailure,
  noteDeliverySuccess,
  registerDelivery,
  retireDelivery,
  type Delivery,
  type DeliveryStart,
} from '../../src/ledger/deliveries.ts';
import {
  confirmObject,
  hasObjects,
  knownObjectKeys,
  objectHolding,
  planObject,
  plannedObject,
  type ObjectPlan,
} from '../../src/ledger/objects.ts';
import { registerOrganization } from '../../src/ledger/organizations.ts';
import { nanos } from '../../src/time.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import {
  createTestLedger,
  deliveryLease,
  readLease,
  testDay,
  testEntries,
  testEntry,
  type TestLedger,
} from '../helpers/test-ledger.ts';

let test: TestLedger;

beforeEach(async () => {
  test = await createTestLedger();
});

afterEach(async () => {
  await test.close();
});

async function fill(entries: Parameters<typeof append>[2]['entries']): Promise<void> {
  const lease = await readLease(test.ledger, test.organization);
  await append(test.ledger, lease, { entries, move: { kind: 'none' } });
  await lease.release();
}

async function register(from: DeliveryStart = 'beginning', fingerprint = 'here'): Promise<Delivery> {
  return await registerDelivery(test.ledger, {
    organization: test.organization.id,
    sink: 'warehouse',
    type: 'postgres',
    fingerprint,
    from,
  });
}

async function offset(): Promise<number | undefined> {
  return (await findDelivery(test.ledger, test.organization.id, 'warehouse'))?.offset;
}

describe('a new delivery', () => {
  it('starts at the beginning, at now, or at the first entry of a time', async () => {
    await fill([5, 1, 9, 7].map((second, index) => testEntry(index, { second })));
    const starts: [DeliveryStart, number][] = [
      ['beginning', 1],
      ['now', 5],
      [nanos(testDay + 7_000_000_000n), 3],
      [nanos(testDay + 9_000_000_001n), 5],
      [nanos(0n), 1],
    ];
    for (const [from, first] of starts) {
      await test.rows('DELETE FROM ledger.deliveries');
      expect(await register(from)).toMatchObject({ firstSequence: first, offset: first - 1 });
    }
  });

  it('starts where it was first told to, whatever the configuration says later', async () => {
    await register('beginning');
    await fill(testEntries(1, 3));
    expect(await register('now')).toMatchObject({ firstSequence: 1, offset: 0 });
  });

  it('is made once by processes that start together, and journalled once', async () => {
    const others = await Promise.all([test.connect(), test.connect(), test.connect()]);
    const made = await Promise.all(
      others.map(({ ledger }) =>
        registerDelivery(ledger, {
          organization: test.organization.id,
          sink: 'warehouse',
          type: 'postgres',
          fingerprint: 'here',
          from: 'beginning',
        }),
      ),
    );
    expect(made.map(({ firstSequence }) => firstSequence)).toEqual([1, 1, 1]);
    expect(await test.rows(`SELECT 1 FROM ledger.journal WHERE what = 'delivery_added'`)).toHaveLength(1);
  });

  it('is journalled in the commit that makes it', async () => {
    test.faults.failBefore(/INSERT INTO .*journal_entries/s, '53100');
    await rejectionOf(register());
    expect(await offset()).toBeUndefined();
    await register();
    expect(await test.rows(`SELECT 1 FROM ledger.journal WHERE what = 'delivery_added'`)).toHaveLength(1);
  });

  it('starts anew after it was retired, also at another destination', async () => {
    await fill(testEntries(1, 3));
    const delivery = await register();
    const lease = await deliveryLease(test.ledger, test.organization, 'warehouse');
    await acknowledge(test.ledger, lease, 3);
    await retireDelivery(test.ledger, lease, delivery);
    await lease.release();
    expect((await findDelivery(test.ledger, test.organization.id, 'warehouse'))?.retiredAt).toBeDefined();
    expect(await register('beginning', 'elsewhere')).toMatchObject({
      fingerprint: 'elsewhere',
      offset: 0,
      retiredAt: undefined,
    });
  });
});

describe('an offset', () => {
  it('moves forward only, under the epoch of its lease only', async () => {
    await register();
    const lease = await deliveryLease(test.ledger, test.organization, 'warehouse');
    await acknowledge(test.ledger, lease, 5);
    await acknowledge(test.ledger, lease, 5);
    expect(await rejectionOf(acknowledge(test.ledger, lease, 4))).toMatchObject({ code: 'lease_lost' });
    await test.rows('UPDATE ledger.deliveries SET lease_epoch = lease_epoch + 1');
    expect(await rejectionOf(acknowledge(test.ledger, lease, 6))).toMatchObject({ code: 'lease_lost' });
    expect(await offset()).toBe(5);
    await lease.release();
  });

  it('takes what belongs to it into its commit, or neither', async () => {
    await register();
    const lease = await deliveryLease(test.ledger, test.organization, 'warehouse');
    const failure = new Error('no');
    expect(await rejectionOf(acknowledge(test.ledger, lease, 5, () => Promise.reject(failure)))).toBe(
      failure,
    );
    expect(await offset()).toBe(0);
    await lease.release();
  });

  it('clears the failure that was noted, which keeps the time it began', async () => {
    await register();
    const lease = await deliveryLease(test.ledger, test.organization, 'warehouse');
    const failure = { code: 'away', sentence: 'It is away.', isStopped: false };
    await noteDeliveryFailure(test.ledger, lease, failure);
    const first = await findDelivery(test.ledger, test.organization.id, 'warehouse');
    await noteDeliveryFailure(test.ledger, lease, { ...failure, code: 'gone', isStopped: true });
    const second = await findDelivery(test.ledger, test.organization.id, 'warehouse');
    expect(second?.failure).toEqual({
      ...failure,
      code: 'gone',
      isStopped: true,
      since: first?.failure?.since,
    });
    await acknowledge(test.ledger, lease, 1);
    expect((await findDelivery(test.ledger, test.organization.id, 'warehouse'))?.failure).toBeUndefined();
    await noteDeliveryFailure(test.ledger, lease, failure);
    await noteDeliverySuccess(test.ledger, lease);
    expect((await findDelivery(test.ledger, test.organization.id, 'warehouse'))?.failure).toBeUndefined();
    await lease.release();
  });
});

describe('an object', () => {
  const plan: ObjectPlan = {
    firstSequence: 1,
    lastSequence: 3,
    key: 'organization=acme/entries/date=2026-03-01/000000000001.jsonl.gz',
    entries: 3,
    rawBytes: 100,
    contentSha256: Buffer.alloc(32, 1),
  };
  const stored = { storedSha256: Buffer.alloc(32, 2), storedBytes: 50 };

  it('is planned, found again as it was, and confirmed with the offset', async () => {
    await register();
    const lease = await deliveryLease(test.ledger, test.organization, 'warehouse');
    const { id } = test.organization;
    expect(await hasObjects(test.ledger, id, 'warehouse')).toBe(false);
    await planObject(test.ledger, lease, plan);
    expect(await plannedObject(test.ledger, id, 'warehouse')).toEqual(plan);
    expect(await knownObjectKeys(test.ledger, id, 'warehouse')).toEqual(new Set([plan.key]));
    const place = { organization: id, sink: 'warehouse', sequence: 2 };
    expect(await objectHolding(test.ledger, place)).toBeUndefined();
    await acknowledge(test.ledger, lease, 3, (transaction) =>
      confirmObject(transaction, lease, { plan, stored }),
    );
    expect(await plannedObject(test.ledger, id, 'warehouse')).toBeUndefined();
    expect(await objectHolding(test.ledger, place)).toBe(plan.key);
    expect(await offset()).toBe(3);
    await lease.release();
  });

  it('is not planned by a process whose lease was taken over', async () => {
    await register();
    const lease = await deliveryLease(test.ledger, test.organization, 'warehouse');
    await test.rows('UPDATE ledger.deliveries SET lease_epoch = lease_epoch + 1');
    expect(await rejectionOf(planObject(test.ledger, lease, plan))).toMatchObject({ code: 'lease_lost' });
    expect(await hasObjects(test.ledger, test.organization.id, 'warehouse')).toBe(false);
    await lease.release();
  });
});

describe('an organization', () => {
  const described = { name: 'globex', cloudId: 'cloud-1', label: 'Globex', startFrom: nanos(7n) };

  it('is made once by processes that start together, each with an id of its own', async () => {
    const others = await Promise.all([test.connect(), test.connect(), test.connect()]);
    const names = ['globex', 'initech', 'umbrella'];
    const made = await Promise.all(
      others.flatMap(({ ledger }) =>
        names.map((name) => registerOrganization(ledger, { ...described, name, cloudId: `id of ${name}` })),
      ),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(3);
    expect(await test.rows(`SELECT 1 FROM ledger.journal WHERE what = 'organization_added'`)).toHaveLength(4);
  });

  it('keeps the start it was first seen with', async () => {
    await registerOrganization(test.ledger, described);
    const again = await registerOrganization(test.ledger, { ...described, startFrom: nanos(99n) });
    expect(again.startFrom).toBe(7n);
  });

  it('is pinned at first contact; another one’s key is refused with both named', async () => {
    await registerOrganization(test.ledger, { ...described, cloudId: undefined });
    expect(await registerOrganization(test.ledger, described)).toMatchObject({ cloudId: 'cloud-1' });
    const error = await rejectionOf(registerOrganization(test.ledger, { ...described, cloudId: 'cloud-2' }));
    expect(error).toMatchObject({ kind: 'source', code: 'organization_mismatch', retryable: false });
    for (const id of ['cloud-1', 'cloud-2', 'globex']) expect(error.message).toContain(id);
  });

  it('under a second name is refused with the command that renames', async () => {
    await registerOrganization(test.ledger, described);
    for (const name of ['acme', 'hooli']) {
      const error = await rejectionOf(registerOrganization(test.ledger, { ...described, name }));
      expect(error).toMatchObject({ kind: 'source', code: 'organization_renamed' });
      expect(error.message).toContain(`organization rename globex ${name}`);
    }
  });

  it('is journalled in the commit that makes it', async () => {
    test.faults.failBefore(/INSERT INTO .*journal_entries/s, '53100');
    await rejectionOf(registerOrganization(test.ledger, described));
    expect(await test.rows(`SELECT 1 FROM ledger.organizations WHERE name = 'globex'`)).toEqual([]);
  });
});
