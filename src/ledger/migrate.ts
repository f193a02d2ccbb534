import { randomUUID } from 'node:crypto';
import { ExporterError } from '../errors.ts';
import type { Database } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import { announceStep } from '../steps.ts';
import { migrations, schemaVersion } from './migrations.ts';

const createSchema = 'CREATE SCHEMA IF NOT EXISTS ledger.';
const createProperties =
  'CREATE TABLE IF NOT EXISTS ledger.properties (name text PRIMARY KEY, value text NOT NULL)';
const setProperty =
  'INSERT INTO ledger.properties (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING';
const raiseProperty =
  'UPDATE ledger.properties SET value = $2 WHERE name = $1 AND CAST(value AS int8) < CAST($2 AS int8)';
const readProperties = 'SELECT name, value FROM ledger.properties';

/** A racing CREATE … IF NOT EXISTS fails with one of these; running it again then finds the thing there. */
const creationRaceStates = new Set(['23505', '42P07', '42P06', '42710', 'XX000', '40001']);
const creationAttemptsMax = 10;

export interface StoreProperties {
  /** Random id of this ledger, made once; archives carry it. */
  readonly ledgerId: string;
  readonly schemaVersion: number;
  /** What an unfinished restore left behind, for the one that goes on; the ledger has no id until then. */
  readonly restoring?: string;
}

/**
 * Brings the schema up to this program's version, or, with `migrate: false`, checks that it is usable as it is.
 * Throws an ExporterError (kind store, code `store_incompatible` or `store_not_migrated`) that says what to do.
 */
export async function prepareStore(
  database: Database,
  options: {
    readonly schema: string;
    readonly migrate: boolean;
    /** A restore takes a store that an earlier one left unfinished; nobody else does. */
    readonly isRestoring?: boolean;
  },
): Promise<StoreProperties> {
  const before = await readStore(database);
  checkCompatible(before, options.schema);
  const version = Number(before?.get('schema_version') ?? 0);
  if (version < schemaVersion) {
    if (!options.migrate) {
      throw new ExporterError(
        `The store's schema "${options.schema}" is at version ${version}, this program needs ${schemaVersion}. ` +
          'Run "ccloud-audit store migrate", or set store.migrate to true.',
        { kind: 'store', code: 'store_not_migrated' },
      );
    }
    await migrateFrom(database, version);
  }
  const after = await readStore(database);
  checkCompatible(after, options.schema);
  const ledgerId = after?.get('ledger_id');
  const restoring = after?.get('restoring');
  if (restoring !== undefined) {
    if (options.isRestoring !== true) throw restoreUnfinished(options.schema);
    return { ledgerId: '', schemaVersion: Number(after?.get('schema_version')), restoring };
  }
  if (ledgerId === undefined) {
    throw new ExporterError(
      `The store's schema "${options.schema}" has no ledger id: it was altered by hand.`,
      {
        kind: 'store',
        code: 'store_incompatible',
      },
    );
  }
  return { ledgerId, schemaVersion: Number(after?.get('schema_version')) };
}

function restoreUnfinished(schema: string): ExporterError {
  return new ExporterError(
    `A restore into the store's schema "${schema}" was begun and not finished, so it can't be used yet. ` +
      'Run the same `ccloud-audit restore` again: it goes on where it was.',
    { kind: 'store', code: 'restore_unfinished' },
  );
}

async function migrateFrom(database: Database, version: number): Promise<void> {
  if (version === 0) {
    await createFirstTable(database);
    await database.query(setProperty, ['ledger_id', randomUUID()]);
  }
  for (const migration of migrations) {
    if (migration.version <= version) continue;
    const { statements, onPostgres = [] } = migration;
    const isPostgres = database.kind !== 'cockroachdb';
    for (const statement of isPostgres ? [...statements, ...onPostgres] : statements) {
      await runIdempotent(database, statement);
      announceStep('migration-statement-run');
    }
    await database.query(setProperty, ['compatible_from', String(migration.compatibleFrom)]);
    await database.query(raiseProperty, ['compatible_from', String(migration.compatibleFrom)]);
    await database.query(setProperty, ['schema_version', String(migration.version)]);
    await database.query(raiseProperty, ['schema_version', String(migration.version)]);
    announceStep('migration-version-written');
  }
}

/** A role that may not create schemas can still use one that was made for it: it is only created where it is missing. */
async function createFirstTable(database: Database): Promise<void> {
  try {
    await runIdempotent(database, createProperties);
  } catch (error) {
    if (!(error instanceof DatabaseError && error.sqlState === '3F000')) throw error;
    await runIdempotent(database, createSchema);
    await runIdempotent(database, createProperties);
  }
}

async function runIdempotent(database: Database, statement: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await database.query(statement);
      return;
    } catch (error) {
      const state = error instanceof DatabaseError ? error.sqlState : undefined;
      if (state === undefined || !creationRaceStates.has(state) || attempt === creationAttemptsMax)
        throw error;
    }
  }
}

/** Undefined where the schema or its first table is not there yet. */
async function readStore(database: Database): Promise<Map<string, string> | undefined> {
  try {
    const { rows } = await database.query<{ name: string; value: string }>(readProperties);
    return new Map(rows.map((row) => [row.name, row.value]));
  } catch (error) {
    // 42P01 undefined table, 3F000 undefined schema.
    if (error instanceof DatabaseError && (error.sqlState === '42P01' || error.sqlState === '3F000'))
      return undefined;
    throw error;
  }
}

function checkCompatible(properties: Map<string, string> | undefined, schema: string): void {
  const needed = Number(properties?.get('compatible_from') ?? 0);
  if (needed <= schemaVersion) return;
  throw new ExporterError(
    `The store's schema "${schema}" was written by a newer release and needs a program of schema version ${needed} ` +
      `or later; this one has ${schemaVersion}. Install the newer release, or point store.schema elsewhere.`,
    { kind: 'store', code: 'store_incompatible' },
  );
}
