/** A ledger on a real PostgreSQL whose statements can be made to fail, with as many processes on it as a test wants. */
import { createHash } from 'node:crypto';
import type { Database } from '../../src/database/database.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import type { NewEntry } from '../../src/ledger/prepared-entries.ts';
import type { DeliveryLease } from '../../src/ledger/deliveries.ts';
import { acquireLease, type Lease } from '../../src/ledger/leases.ts';
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { registerOrganization, type Organization } from '../../src/ledger/organizations.ts';
import { silentLogger } from '../../src/logger.ts';
import { entryKey } from '../../src/reader/page-entries.ts';
import { nanos, parseTimestamp, type Nanos } from '../../src/time.ts';
import { newEntry } from './new-entry.ts';
import { createTestDatabase } from './postgres.ts';
import { StatementFaults } from './statement-faults.ts';

/** One process on the store. */
export interface LedgerProcess {
  readonly ledger: Ledger;
  readonly database: Database;
  readonly faults: StatementFaults;
}

export interface TestLedger extends LedgerProcess {
  readonly url: string;
  readonly organization: Organization;
  connect(options?: { readonly leaseMs?: number; readonly url?: string }): Promise<LedgerProcess>;
  /** Rows of a statement in which `ledger.` stands for the schema. */
  rows(sql: string): Promise<readonly object[]>;
  close(): Promise<void>;
}

export const testSchema = 'ccloud_audit';

export async function createTestLedger(options: { readonly leaseMs?: number } = {}): Promise<TestLedger> {
  const test = await createTestDatabase();
  const opened: Database[] = [];
  const connect: TestLedger['connect'] = async (own = {}) => {
    const faults = new StatementFaults();
    const database = await openPostgres({
      url: own.url ?? test.url,
      applicationName: 'tests',
      connectTimeoutMs: 2000,
      poolMax: 4,
      onStatement: faults.onStatement,
      afterStatement: faults.afterStatement,
    });
    opened.push(database);
    const ledger = await openLedger({
      database,
      schema: testSchema,
      migrate: true,
      leaseMs: own.leaseMs ?? options.leaseMs ?? 30_000,
      logger: silentLogger,
    });
    return { ledger, database, faults };
  };
  const first = await connect();
  const organization = await registerOrganization(first.ledger, {
    name: 'acme',
    cloudId: undefined,
    label: undefined,
    startFrom: nanos(0n),
  });
  return {
    ...first,
    url: test.url,
    organization,
    connect,
    rows: async (sql) => (await first.ledger.database.query(sql)).rows,
    close: async () => {
      await Promise.all(opened.map((database) => database.close()));
      await test.drop();
    },
  };
}

export async function readLease(ledger: Ledger, organization: Organization): Promise<Lease> {
  const lease = await acquireLease(ledger, { work: 'read', organization: organization.id });
  if (lease === undefined) throw new TypeError('the lease is held');
  return lease;
}

export async function deliveryLease(
  ledger: Ledger,
  organization: Organization,
  sink: string,
): Promise<DeliveryLease> {
  const target = { work: 'deliver', organization: organization.id, sink } as const;
  const lease = await acquireLease(ledger, target);
  if (lease === undefined) throw new TypeError('the lease is held');
  return { ...lease, target, signal: lease.signal };
}

export const testDay: Nanos = parseTimestamp('2026-03-01T00:00:00Z') ?? nanos(0n);

export interface TestEntryFields {
  readonly id?: string;
  /** Seconds after the beginning of the test's day. */
  readonly second?: number;
  /** The members behind id and number. */
  readonly rest?: string;
}

/** An entry as the reader makes it; the same number gives the same one. */
export function testEntry(number: number, fields: TestEntryFields = {}): NewEntry {
  const id = fields.id ?? `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
  return rawEntry(`{"id":${JSON.stringify(id)},"n":${number}${fields.rest ?? ''}}`, {
    id,
    createdAt: nanos(testDay + BigInt(fields.second ?? number) * 1_000_000_000n),
  });
}

export function rawEntry(text: string, entry: { readonly id: string; readonly createdAt: Nanos }): NewEntry {
  const raw = Buffer.from(text);
  const lineSha256 = createHash('sha256').update(raw).digest();
  return newEntry({ key: entryKey(entry.id, lineSha256), raw, createdAt: entry.createdAt });
}

export function testEntries(first: number, count: number): NewEntry[] {
  return Array.from({ length: count }, (_, index) => testEntry(first + index));
}
