/**
 * The ledger: the ordered record of what was seen, in tables of one schema. The reader appends to it, deliveries read
 * from it; they meet nowhere else.
 */
import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import type { Database } from '../database/database.ts';
import type { Logger } from '../logger.ts';
import type { ArchiveText } from './archived-text.ts';
import { prepareStore } from './migrate.ts';
import { withSchema } from './schema-name.ts';

export interface LedgerOptions {
  readonly database: Database;
  readonly schema: string;
  /** Whether to bring the schema up to date, or only to check it. */
  readonly migrate: boolean;
  readonly leaseMs: number;
  readonly logger: Logger;
}

/** What every function of this room works on. */
export interface Ledger {
  /** The store, with `ledger.` standing for the configured schema. */
  readonly database: Database;
  readonly schema: string;
  readonly ledgerId: string;
  readonly leaseMs: number;
  readonly logger: Logger;
  /** Where raw text that was pruned can still be read; undefined: nowhere. */
  readonly archiveText?: ArchiveText;
  /** Names this process in leases and the journal. */
  readonly actor: string;
}

/** Migrates or checks the store. The caller keeps owning the database. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const database = withSchema(options.database, options.schema);
  const { ledgerId } = await prepareStore(database, options);
  return {
    database,
    schema: options.schema,
    ledgerId,
    leaseMs: options.leaseMs,
    logger: options.logger,
    // A container's host name and pid can come again after a restart; the random part can't.
    actor: `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
  };
}
