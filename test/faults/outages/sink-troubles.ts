/** What can happen to a destination under a running daemon, how the program tells it, and how it ends. */
import { rename, writeFile } from 'node:fs/promises';
import { entriesKey } from '../../../src/archive/layout.ts';
import type { Database } from '../../../src/database/database.ts';
import type { SinkName, World } from '../harness/world.ts';

/** `by itself`: the daemon goes on. `after a restart`: also what is asked about again only after minutes. */
export type Recovery = 'by itself' | 'after a restart' | 'after a reset of the offset' | 'never';

export interface SinkTrouble {
  readonly name: string;
  readonly sink: SinkName;
  /** Makes the trouble. `database`: the world's, as its superuser. */
  cause(world: World, database: Database): Promise<unknown>;
  /** What `status` must tell, while it lasts. Undefined: it passes too quickly to be told. */
  readonly told:
    | { readonly code: string; readonly isStopped: boolean; readonly sentence: RegExp }
    | undefined;
  /** What the world or an operator does about it. */
  mend(world: World, database: Database): Promise<unknown>;
  readonly recovery: Recovery;
}

const table = 'audit.cockroach_cloud_entries';
const nothing = async (): Promise<void> => undefined;

const bucketTroubles: readonly SinkTrouble[] = [
  {
    name: 'the object store is down',
    sink: 'bucket',
    cause: (world) => world.bucket.suspend(),
    told: {
      code: 'unreachable',
      isStopped: false,
      sentence: /got no whole answer .* it will be tried again/,
    },
    mend: (world) => world.bucket.resume(),
    recovery: 'by itself',
  },
  {
    name: 'the object store answers 503 for a while',
    sink: 'bucket',
    cause: async (world) => world.bucket.inject({ operation: 'PutObject', kind: 'slow-down', times: 6 }),
    told: undefined,
    mend: nothing,
    recovery: 'by itself',
  },
  {
    name: 'the object store answers 500 for a while',
    sink: 'bucket',
    cause: async (world) => world.bucket.inject({ operation: 'PutObject', kind: 'internal-error', times: 6 }),
    told: undefined,
    mend: nothing,
    recovery: 'by itself',
  },
  {
    name: 'puts conflict (409)',
    sink: 'bucket',
    cause: async (world) => world.bucket.inject({ operation: 'PutObject', kind: 'conflict', times: 4 }),
    told: undefined,
    mend: nothing,
    recovery: 'by itself',
  },
  {
    name: 'puts succeed and their answers are lost',
    sink: 'bucket',
    cause: async (world) =>
      world.bucket.inject({ operation: 'PutObject', kind: 'commit-then-drop', times: 5 }),
    told: undefined,
    mend: nothing,
    recovery: 'by itself',
  },
  {
    name: 'requests are dropped',
    sink: 'bucket',
    cause: async (world) => world.bucket.inject({ operation: 'PutObject', kind: 'drop', times: 7 }),
    told: undefined,
    mend: nothing,
    recovery: 'by itself',
  },
  {
    name: 'the object store flaps',
    sink: 'bucket',
    cause: async (world) => {
      for (let flap = 0; flap < 6; flap += 1) {
        await world.bucket.suspend();
        await pause(250);
        await world.bucket.resume();
        await pause(250);
      }
    },
    told: undefined,
    mend: nothing,
    recovery: 'by itself',
  },
  {
    name: 'the right to put is taken away (403)',
    sink: 'bucket',
    cause: async (world) => (world.bucket.settings.denied = ['PutObject']),
    told: { code: 'permission_missing', isStopped: true, sentence: /forbidden \(403\).*need s3:PutObject/ },
    mend: async (world) => (world.bucket.settings.denied = []),
    recovery: 'after a restart',
  },
  {
    name: 'the key is no longer accepted',
    sink: 'bucket',
    cause: async (world) =>
      world.bucket.inject({ operation: 'PutObject', kind: 'unknown-key', times: 1_000 }),
    told: { code: 'credentials_refused', isStopped: true, sentence: /does not accept these credentials/ },
    mend: async (world) => world.bucket.forgetFaults(),
    recovery: 'after a restart',
  },
  {
    name: 'somebody else has written where the next object belongs (412)',
    sink: 'bucket',
    cause: async (world, database) => {
      const { rows } = await database.query<{ acknowledged: string }>(
        `SELECT acknowledged FROM ccloud_audit.deliveries WHERE sink = 'bucket'`,
      );
      const first = Number(rows[0]?.acknowledged ?? 0) + 1;
      for (const key of keysOfTodayFrom(first)) {
        world.bucket.bucket.put(key, { bytes: Buffer.from('foreign'), headers: {}, isConditional: false });
      }
    },
    told: { code: 'foreign_writer', isStopped: true, sentence: /other content|Somebody else/ },
    mend: async (world) => {
      for (const [key, bytes] of world.bucket.objects()) {
        if (bytes.toString() === 'foreign') world.bucket.bucket.delete(key, undefined);
      }
    },
    recovery: 'after a restart',
  },
  {
    name: 'the bucket is deleted',
    sink: 'bucket',
    cause: async (world) => (world.bucket.settings.bucket = 'another'),
    told: { code: 'bucket_missing', isStopped: true, sentence: /There is no bucket audit/ },
    mend: async (world) => (world.bucket.settings.bucket = 'audit'),
    recovery: 'after a restart',
  },
  {
    name: 'the bucket is deleted and made again',
    sink: 'bucket',
    cause: async (world) => {
      for (const key of world.bucket.objects().keys()) world.bucket.bucket.delete(key, undefined);
    },
    told: { code: 'destination_lost', isStopped: true, sentence: /no longer holds/ },
    mend: nothing,
    recovery: 'never',
  },
];

const tableTroubles: readonly SinkTrouble[] = [
  {
    name: 'the table is locked for a while',
    sink: 'warehouse',
    cause: (_world, database) =>
      database.transaction(async (transaction) => {
        await transaction.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
        await pause(3000);
      }),
    told: undefined,
    mend: nothing,
    recovery: 'by itself',
  },
  {
    name: 'connections are cut again and again',
    sink: 'warehouse',
    cause: async (_world, database) => {
      for (let cut = 0; cut < 8; cut += 1) {
        await database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'ccloud-audit-export'`,
        );
        await pause(300);
      }
    },
    told: undefined,
    mend: nothing,
    recovery: 'by itself',
  },
  {
    name: 'the grants are revoked',
    sink: 'warehouse',
    cause: (_world, database) => database.query(`REVOKE ALL ON ${table} FROM ${sinkRole}`),
    told: { code: 'denied', isStopped: true, sentence: /needs SELECT and INSERT on the table/ },
    mend: (_world, database) => database.query(`GRANT ALL ON ${table} TO ${sinkRole}`),
    recovery: 'after a restart',
  },
  {
    name: 'a column is dropped',
    sink: 'warehouse',
    cause: (_world, database) => database.query(`ALTER TABLE ${table} DROP COLUMN trace_id`),
    told: {
      code: 'table_mismatch',
      isStopped: true,
      sentence: /no longer what it was|column trace_id is missing/,
    },
    mend: (_world, database) => database.query(`ALTER TABLE ${table} ADD COLUMN trace_id text`),
    recovery: 'after a restart',
  },
  {
    name: 'a column gets another type',
    sink: 'warehouse',
    cause: (_world, database) =>
      database.query(`ALTER TABLE ${table} ALTER COLUMN ip_address TYPE integer USING NULL`),
    told: {
      code: 'table_mismatch',
      isStopped: true,
      sentence: /no longer what it was|column ip_address is integer/,
    },
    mend: (_world, database) => database.query(`ALTER TABLE ${table} ALTER COLUMN ip_address TYPE text`),
    recovery: 'after a restart',
  },
  {
    name: 'the table is renamed',
    sink: 'warehouse',
    cause: (_world, database) => database.query(`ALTER TABLE ${table} RENAME TO elsewhere`),
    told: { code: 'table_mismatch', isStopped: true, sentence: /no longer what it was/ },
    mend: (_world, database) =>
      database.query(`ALTER TABLE audit.elsewhere RENAME TO cockroach_cloud_entries`),
    recovery: 'after a restart',
  },
  {
    name: 'the table is dropped',
    sink: 'warehouse',
    cause: (_world, database) => database.query(`DROP TABLE ${table}`),
    told: { code: 'table_mismatch', isStopped: true, sentence: /no longer what it was/ },
    mend: nothing,
    recovery: 'after a reset of the offset',
  },
  {
    name: 'the table is emptied',
    sink: 'warehouse',
    cause: (_world, database) => database.query(`TRUNCATE ${table}`),
    told: {
      code: 'destination_lost',
      isStopped: true,
      sentence: /no longer holds the entry .* reset this sink's offset/,
    },
    mend: nothing,
    recovery: 'after a reset of the offset',
  },
  {
    name: 'the last rows are deleted',
    sink: 'warehouse',
    cause: (_world, database) =>
      database.query(`DELETE FROM ${table} WHERE sequence > (SELECT max(sequence) - 3 FROM ${table})`),
    told: {
      code: 'destination_lost',
      isStopped: true,
      sentence: /no longer holds the entry .* reset this sink's offset/,
    },
    mend: nothing,
    recovery: 'after a reset of the offset',
  },
  {
    name: 'the last rows are altered',
    sink: 'warehouse',
    cause: (_world, database) =>
      database.query(
        `UPDATE ${table} SET raw = 'altered', sha256 = '\\x00' WHERE sequence > (SELECT max(sequence) - 3 FROM ${table})`,
      ),
    told: {
      code: 'destination_lost',
      isStopped: true,
      sentence: /no longer holds the entry .* reset this sink's offset/,
    },
    mend: nothing,
    recovery: 'never',
  },
];

const directoryTroubles: readonly SinkTrouble[] = [
  {
    name: 'the directory is moved away, as when a disk is unmounted',
    sink: 'disk',
    cause: (world) => rename(world.archive, `${world.archive}-away`),
    told: { code: 'destination_lost', isStopped: true, sentence: /no longer holds/ },
    mend: async (world) => {
      // What was made in its place meanwhile is no archive.
      await rename(world.archive, `${world.archive}-made`).catch(ignoreMissing);
      await rename(`${world.archive}-away`, world.archive);
    },
    recovery: 'after a restart',
  },
  {
    name: 'a file stands where the directory was',
    sink: 'disk',
    cause: async (world) => {
      await rename(world.archive, `${world.archive}-away`);
      await writeFile(world.archive, 'in the way');
    },
    told: { code: 'destination_lost', isStopped: true, sentence: /no longer holds/ },
    mend: async (world) => {
      await rename(world.archive, `${world.archive}-file`);
      await rename(`${world.archive}-away`, world.archive);
    },
    recovery: 'after a restart',
  },
];

/** Not a superuser, and the owner of nothing but the sink's table. */
export const sinkRole = 'audit_sink';

export const sinkTroubles: readonly SinkTrouble[] = [
  ...bucketTroubles,
  ...tableTroubles,
  ...directoryTroubles,
];

/** An object that is planned already may begin a little later than the offset tells. */
function keysOfTodayFrom(first: number): string[] {
  const createdAt = BigInt(Date.now()) * 1_000_000n;
  return Array.from({ length: 60 }, (_, index) => entriesKey('acme', { createdAt, sequence: first + index }));
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
