import type { StoreConfig } from '../../config/config.ts';
import type { Database } from '../database/database.ts';
import { openDatabase } from '../database/open-database.ts';
import { endAllLeases } from '../ledger/leases.ts';
import { openLedger, type Ledger } from '../ledger/ledger.ts';
import type { Logger } from '../logger.ts';

export interface OpenStoreOptions {
  readonly store: StoreConfig;
  readonly leaseMs: number;
  readonly logger: Logger;
  /** The command, as others see it who find the store or a lease taken. */
  readonly command: string;
  /** Whether an embedded store is made where there is none. False for commands that only look. */
  readonly create: boolean;
  /** What the holder of an embedded store answers to `status`. */
  readonly status?: () => Promise<unknown>;
  readonly signal: AbortSignal;
}

export interface OpenStore {
  readonly ledger: Ledger;
  readonly database: Database;
  close(): Promise<void>;
}

/** Every job holds a connection while it commits; more than this only queue at the server. */
const connectionsMax = 8;
const connectTimeoutMs = 10_000;

/** Opens the store and brings its tables up to date, as the configuration says. Whoever opens it closes it. */
export async function openStore(options: OpenStoreOptions): Promise<OpenStore> {
  const { store, status } = options;
  const database = await openDatabase({
    url: store.url.reveal(),
    applicationName: 'ccloud-audit-export',
    poolMax: connectionsMax,
    connectTimeoutMs,
    create: options.create,
    holder: { command: options.command, ...(status === undefined ? {} : { status }) },
    signal: options.signal,
  });
  try {
    const ledger = await openLedger({
      database,
      schema: store.schema,
      migrate: store.migrate,
      leaseMs: options.leaseMs,
      logger: options.logger,
    });
    if (database.kind === 'pglite') await endAllLeases(ledger);
    return { ledger, database, close: () => database.close() };
  } catch (error) {
    await database.close();
    throw error;
  }
}
