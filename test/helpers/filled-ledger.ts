/** A ledger on a real PostgreSQL, filled as the reader fills it: through `append`, under the organization's lease. */
import type { Database } from '../../src/database/database.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import { append } from '../../src/ledger/append.ts';
import { registerDelivery, type Delivery } from '../../src/ledger/deliveries.ts';
import { acquireLease, type Lease, type LeaseTarget } from '../../src/ledger/leases.ts';
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { registerOrganization, type Organization } from '../../src/ledger/organizations.ts';
import { silentLogger } from '../../src/logger.ts';
import { entryKey } from '../../src/reader/page-entries.ts';
import { nanos } from '../../src/time.ts';
import { newEntry } from './new-entry.ts';
import { createTestDatabase } from './postgres.ts';

export interface FilledLedger {
  readonly url: string;
  readonly database: Database;
  readonly ledger: Ledger;
  readonly organization: Organization;
  /** Appends `count` entries as one segment; the ids are `entry-<sequence>`. */
  fill(count: number): Promise<void>;
  addDelivery(
    sink: string,
    options?: { readonly type?: string; readonly offset?: number },
  ): Promise<Delivery>;
  /** Runs a statement with `ledger.` standing for the schema. */
  run(sql: string, parameters?: readonly (string | number)[]): Promise<readonly object[]>;
  close(): Promise<void>;
}

export const filledSchema = 'ccloud_audit';

export async function openTestDatabase(url: string): Promise<Database> {
  return await openPostgres({ url, applicationName: 'tests', connectTimeoutMs: 10_000, poolMax: 4 });
}

export async function createFilledLedger(name = 'acme'): Promise<FilledLedger> {
  const test = await createTestDatabase();
  const database = await openTestDatabase(test.url);
  const ledger = await openLedger({
    database,
    schema: filledSchema,
    migrate: true,
    leaseMs: 30_000,
    logger: silentLogger,
  });
  const organization = await registerOrganization(ledger, {
    name,
    cloudId: undefined,
    label: undefined,
    startFrom: nanos(0n),
  });
  let sequence = 0;
  const run: FilledLedger['run'] = async (sql, parameters) =>
    (await ledger.database.query(sql, parameters)).rows;
  return {
    url: test.url,
    database,
    ledger,
    organization,
    run,
    async fill(count) {
      const entries = Array.from({ length: count }, () => entryOf((sequence += 1)));
      const lease = await leaseOf(ledger, { work: 'read', organization: organization.id });
      await append(ledger, lease, { entries, move: { kind: 'none' } });
      await lease.release();
    },
    async addDelivery(sink, options = {}) {
      const delivery = await registerDelivery(ledger, {
        organization: organization.id,
        sink,
        type: options.type ?? 'postgres',
        fingerprint: `place of ${sink}`,
        from: 'beginning',
      });
      const offset = options.offset ?? 0;
      await run('UPDATE ledger.deliveries SET acknowledged = $2 WHERE sink = $1', [sink, offset]);
      return { ...delivery, offset };
    },
    async close() {
      await database.close();
      await test.drop();
    },
  };
}

/** The lease, which must be free. */
export async function leaseOf(ledger: Ledger, target: LeaseTarget): Promise<Lease> {
  const lease = await acquireLease(ledger, target);
  if (lease === undefined) throw new TypeError('the lease is held');
  return lease;
}

/** Another process on the same store. */
export async function anotherLedger(filled: FilledLedger): Promise<Ledger> {
  return await openLedger({
    database: filled.database,
    schema: filledSchema,
    migrate: false,
    leaseMs: 30_000,
    logger: silentLogger,
  });
}

export function rawOf(sequence: number): string {
  const created = new Date(Date.UTC(2024, 0, 1, 0, 0, sequence)).toISOString();
  return `{"id":"entry-${sequence}","created_at":"${created}","n":${sequence}}`;
}

export function keyOf(sequence: number): string {
  return entryKey(`entry-${sequence}`, Buffer.alloc(32));
}

function entryOf(sequence: number): Parameters<typeof append>[2]['entries'][number] {
  const raw = Buffer.from(rawOf(sequence));
  return newEntry({
    key: keyOf(sequence),
    raw,
    createdAt: nanos(BigInt(Date.UTC(2024, 0, 1, 0, 0, sequence)) * 1_000_000n),
  });
}
