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
import { RecentSegments } from './recent-segments.ts';
import { parseMark, type RestoreMark } from './restore-mark.ts';
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
  /** What this process appended last. */
  readonly recent: RecentSegments;
  /** Names this process in leases and the journal. */
  readonly actor: string;
}

/** Migrates or checks the store. The caller keeps owning the database. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const database = withSchema(options.database, options.schema);
  const { ledgerId } = await prepareStore(database, options);
  return toLedger(database, { ...options, ledgerId });
}

/** The same for a restore, which also goes on with a store that an earlier one left unfinished and marked. */
export async function openLedgerForRestore(
  options: LedgerOptions,
): Promise<{ readonly ledger: Ledger; readonly mark: RestoreMark | undefined }> {
  const database = withSchema(options.database, options.schema);
  const { ledgerId, restoring } = await prepareStore(database, { ...options, isRestoring: true });
  return {
    ledger: toLedger(database, { ...options, ledgerId }),
    mark: restoring === undefined ? undefined : parseMark(restoring),
  };
}

function toLedger(database: Database, options: LedgerOptions & { readonly ledgerId: string }): Ledger {
  const { schema, ledgerId, leaseMs, logger } = options;
  // A container's host name and pid can come again after a restart; the random part can't.
  const actor = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  return { database, schema, ledgerId, leaseMs, logger, actor, recent: new RecentSegments() };
}
