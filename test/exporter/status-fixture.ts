/** A ledger on a database of its own, with organizations and deliveries in any state that a test wants to see. */
import { randomUUID } from 'node:crypto';
import type { Database } from '../../src/database/database.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import { append } from '../../src/ledger/append.ts';
import type { NewEntry } from '../../src/ledger/prepared-entries.ts';
import {
  acknowledge,
  noteDeliveryFailure,
  registerDelivery,
  type DeliveryLease,
} from '../../src/ledger/deliveries.ts';
import { acquireLease, type Lease, type LeaseTarget } from '../../src/ledger/leases.ts';
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { registerOrganization } from '../../src/ledger/organizations.ts';
import { parkEntry } from '../../src/ledger/parked.ts';
import { noteReadFailure, noteReadSuccess } from '../../src/ledger/read-health.ts';
import { silentLogger } from '../../src/logger.ts';
import { nanos, parseTimestamp, type Nanos } from '../../src/time.ts';
import { newEntry } from '../helpers/new-entry.ts';
import { createTestDatabase } from '../helpers/postgres.ts';

export interface StatusFixture {
  readonly ledger: Ledger;
  readonly database: Database;
  readonly url: string;
  dispose(): Promise<void>;
}

/** Leases last an hour, so that nothing renews them while a test looks. */
const leaseMs = 3_600_000;

export async function createStatusFixture(): Promise<StatusFixture> {
  const testDatabase = await createTestDatabase();
  const database = await openPostgres({
    url: testDatabase.url,
    applicationName: 'test',
    connectTimeoutMs: 10_000,
  });
  const ledger = await openLedger({
    database,
    schema: 'ccloud_audit',
    migrate: true,
    leaseMs,
    logger: silentLogger,
  });
  return {
    ledger,
    database,
    url: testDatabase.url,
    async dispose() {
      await database.close();
      await testDatabase.drop();
    },
  };
}

/** Removes everything that a test has put in. */
export async function empty({ database }: StatusFixture): Promise<void> {
  const tables = ['organizations', 'deliveries', 'stretches', 'segments', 'ledger_rows', 'parked_entries'];
  for (const table of [...tables, 'journal_entries'])
    await database.query(`DELETE FROM ccloud_audit.${table}`);
}

export interface FedOrganization {
  readonly id: number;
  /** The lease for reading it, still held. */
  readonly lease: Lease;
}

/** An organization that was read well a moment ago, with this many entries in its ledger. */
export async function addOrganization(
  ledger: Ledger,
  options: { readonly name: string; readonly entries: number },
): Promise<FedOrganization> {
  const { id } = await registerOrganization(ledger, {
    name: options.name,
    cloudId: `id-of-${options.name}`,
    label: 'Acme Inc.',
    startFrom: nanos(0n),
  });
  const lease = await take(ledger, { work: 'read', organization: id });
  await append(ledger, lease, {
    entries: Array.from({ length: options.entries }, (_, index) => entryAt(index)),
    move: {
      kind: 'tail',
      checkpoint: '2026-01-01T00:00:00.5Z',
      coveredTo: time('2026-01-01T00:00:00.5Z'),
      serverDate: undefined,
    },
  });
  await noteReadSuccess(ledger, lease);
  return { id, lease };
}

/** A sink that holds the first `offset` entries, its lease still held. */
export async function addDelivery(
  ledger: Ledger,
  delivery: {
    readonly organization: number;
    readonly sink: string;
    readonly offset: number;
    readonly type?: string;
  },
): Promise<DeliveryLease> {
  const { organization, sink, type = 'postgres' } = delivery;
  const fingerprint = `somewhere/${sink}`;
  await registerDelivery(ledger, { organization, sink, type, fingerprint, from: 'beginning' });
  const target = { work: 'deliver', organization, sink } as const;
  const lease: DeliveryLease = { ...(await take(ledger, target)), target };
  await acknowledge(ledger, lease, delivery.offset);
  return lease;
}

export async function fail(
  ledger: Ledger,
  lease: Lease | DeliveryLease,
  failure: { readonly code: string; readonly sentence: string; readonly isStopped: boolean },
): Promise<void> {
  const { target } = lease;
  if (target.work === 'read') await noteReadFailure(ledger, lease, failure);
  else await noteDeliveryFailure(ledger, { ...lease, target }, failure);
}

export async function park(ledger: Ledger, lease: DeliveryLease, sequence: number): Promise<void> {
  await ledger.database.transaction((transaction) =>
    parkEntry(ledger, transaction, { lease, sequence, code: 'entry_refused', reason: 'It is too large.' }),
  );
}

/** Makes it look as if the process had died: the lease has run out, and nobody gave it back. */
export async function abandon(ledger: Ledger, lease: Lease, agoMs: number): Promise<void> {
  const { organization } = lease.target;
  const ago = `${agoMs} milliseconds`;
  if (lease.target.work === 'read') {
    const sql = `UPDATE ledger.organizations SET lease_until = now() - CAST($2 AS interval) WHERE id = $1`;
    await ledger.database.query(sql, [organization, ago]);
    return;
  }
  const sql = `UPDATE ledger.deliveries SET lease_until = now() - CAST($2 AS interval)
    WHERE organization = $1 AND sink = $3`;
  await ledger.database.query(sql, [organization, ago, lease.target.sink]);
}

export function time(text: string): Nanos {
  const parsed = parseTimestamp(text);
  if (parsed === undefined) throw new TypeError(`${text} is no timestamp`);
  return parsed;
}

async function take(ledger: Ledger, target: LeaseTarget): Promise<Lease> {
  const lease = await acquireLease(ledger, target);
  if (lease === undefined) throw new TypeError('the lease is taken already');
  return lease;
}

function entryAt(index: number): NewEntry {
  const key = randomUUID();
  const raw = Buffer.from(JSON.stringify({ id: key, action: 'SECRET_OF_AN_ENTRY', index }));
  const createdAt = nanos(time('2026-01-01T00:00:00Z') + BigInt(index) * 1_000_000n);
  return newEntry({ key, raw, createdAt });
}
