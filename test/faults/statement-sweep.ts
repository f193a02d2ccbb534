/**
 * Runs a piece of the store's work once undisturbed, and then once for every statement of it with that statement failing
 * as CockroachDB lets statements fail: 40001, start again; 40003, nobody knows whether it happened. A run that ends in a
 * retryable error is repeated, as the program and its operator do, once the leases of the dead have run out. In the end
 * the store and the archive must be what they are without any fault.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Database } from '../../src/database/database.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import type { StatementHooks } from '../../src/database/session.ts';
import { toError } from '../../src/errors.ts';
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { silentLogger } from '../../src/logger.ts';
import { cockroachTransactionCheck } from '../helpers/cockroach-compatible.ts';
import { createDisguisedDatabase } from '../helpers/cockroach-disguise.ts';
import { storeState, type StoreState } from '../helpers/store-state.ts';
import { testSchema } from '../helpers/test-ledger.ts';

export interface FlowPlace {
  readonly database: Database;
  /** For archives; what `prepare` leaves there is there again at every run. */
  readonly directory: string;
  /** Migrates where that is needed. */
  ledger(): Promise<Ledger>;
}

export interface Flow {
  /** What there is before; nothing fails in it. */
  readonly prepare?: (place: FlowPlace) => Promise<void>;
  readonly run: (place: FlowPlace) => Promise<void>;
  /** Whether opening the ledger is a part of what is attacked. */
  readonly isOpening?: boolean;
  /** With this a repeated run may be told that the first one did it already. */
  readonly repeatedCode?: string;
  /** A command that an operator repeats says so in the journal, and of a restore which part was left to do. */
  readonly isJournalledAgain?: boolean;
}

interface Statement {
  readonly sql: string;
  /** Its effect is there for good once it has succeeded. */
  readonly isLasting: boolean;
  hasSucceeded: boolean;
}

interface Fault {
  readonly index: number;
  readonly when: 'before' | 'after';
  readonly code: '40001' | '40003';
}

type Outcome = StoreState;

/** A run with a fault that ended otherwise than the undisturbed one. */
export interface Deviation {
  readonly fault: string;
  readonly outcome: string | readonly string[];
}

export interface SweepResult {
  readonly statements: number;
  readonly runs: number;
  readonly undisturbed: Outcome;
  readonly deviations: readonly Deviation[];
}

const attemptsMax = 3;
const storeSchemas = [testSchema, 'audit'];

/** Statements outside of transactions that are in `attacked` are left out, and those that are attacked are added. */
export async function sweepFlow(flow: Flow, attacked: Set<string> = new Set()): Promise<SweepResult> {
  const home = await mkdtemp(join(await realpath(tmpdir()), 'statement-sweep-'));
  const test = await createDisguisedDatabase();
  const direct = await openPostgres({ url: test.url, applicationName: 'tests', connectTimeoutMs: 5000 });
  const relay: { hooks: StatementHooks } = { hooks: {} };
  const place = await openPlace(test.url, home, relay);
  try {
    // Every run has the same ledger id, unless making it is what is attacked.
    if (flow.isOpening !== true) await place.ledger();
    await flow.prepare?.(place);
    await cp(place.directory, join(home, 'prepared'), { recursive: true });
    const saved = await saveTables(direct);
    const run = async (fault?: Fault): Promise<Attempted> => {
      await resetTables(direct, saved);
      await rm(place.directory, { recursive: true });
      await cp(join(home, 'prepared'), place.directory, { recursive: true });
      return await runPrepared(flow, { place, relay, direct, fault });
    };
    const first = await run();
    if (first.error !== undefined) throw first.error;
    const deviations: Deviation[] = [];
    const faults = faultsOf(first.statements, attacked);
    for (const fault of faults) {
      const { error, outcome, hasFired } = await run(fault);
      const differences = differencesBetween(first.outcome, outcome).filter(
        (difference) => flow.isJournalledAgain !== true || !difference.includes('.journal_entries: '),
      );
      if (error === undefined && hasFired && differences.length === 0) continue;
      const sql = first.statements[fault.index]?.sql.replaceAll(/\s+/g, ' ').slice(0, 100) ?? '';
      deviations.push({
        fault: `${fault.code} ${fault.when} statement ${fault.index}: ${sql}`,
        outcome: error?.message ?? (hasFired ? differences : 'the statement did not come'),
      });
    }
    return {
      statements: first.statements.length,
      runs: faults.length,
      undisturbed: first.outcome,
      deviations,
    };
  } finally {
    await place.database.close();
    await direct.close();
    await test.drop();
    await rm(home, { recursive: true, force: true });
  }
}

function faultsOf(statements: readonly Statement[], attacked: Set<string>): Fault[] {
  const faults: Fault[] = [];
  for (const [index, { sql, isLasting, hasSucceeded }] of statements.entries()) {
    if (isLasting && sql !== 'COMMIT') {
      if (attacked.has(sql)) continue;
      attacked.add(sql);
    }
    faults.push({ index, when: 'before', code: '40001' }, { index, when: 'before', code: '40003' });
    // Inside a transaction the rollback makes both of one kind.
    if (isLasting && hasSucceeded) faults.push({ index, when: 'after', code: '40003' });
  }
  return faults;
}

interface Attempted {
  readonly statements: readonly Statement[];
  readonly hasFired: boolean;
  readonly error: Error | undefined;
  readonly outcome: Outcome;
}

async function runPrepared(
  flow: Flow,
  options: {
    readonly place: FlowPlace;
    readonly relay: { hooks: StatementHooks };
    readonly direct: Database;
    readonly fault: Fault | undefined;
  },
): Promise<Attempted> {
  const { place, relay, direct, fault } = options;
  const watch = new FaultySession(fault);
  if (flow.isOpening !== true) await place.ledger();
  relay.hooks = watch;
  const error = await repeated(flow, place, direct);
  relay.hooks = {};
  const store = await storeState(direct, storeSchemas);
  const outcome = { ...store, archive: await filesIn(place.directory) };
  return { statements: watch.seen, hasFired: watch.hasFired, error, outcome };
}

/** The tables as they are, kept in a schema of their own; copying a database for each run would take far longer. */
async function saveTables(direct: Database): Promise<readonly string[]> {
  await direct.query('CREATE SCHEMA saved');
  const tables = await tablesOf(direct);
  for (const table of tables) {
    await direct.query(`CREATE TABLE saved."${table}" AS SELECT * FROM ${table}`);
  }
  return tables;
}

async function resetTables(direct: Database, saved: readonly string[]): Promise<void> {
  const now = await tablesOf(direct);
  for (const schema of storeSchemas) {
    const isNew = (table: string): boolean => table.startsWith(`${schema}.`) && !saved.includes(table);
    if (!now.some(isNew)) continue;
    if (saved.some((table) => table.startsWith(`${schema}.`)))
      throw new TypeError('a flow may not add tables to a schema');
    await direct.query(`DROP SCHEMA ${schema} CASCADE`);
  }
  const statements = saved.map(
    (table) => `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM saved."${table}";`,
  );
  await direct.query(`DO $$ BEGIN ${statements.join(' ')} END $$`);
}

async function tablesOf(direct: Database): Promise<string[]> {
  const { rows } = await direct.query<{ name: string }>(
    `SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = ANY($1::text[])`,
    [storeSchemas],
  );
  return rows.map(({ name }) => name);
}

/** What one has and the other has not. */
function differencesBetween(one: Outcome, other: Outcome): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((name) => {
    const [before, after] = [one[name] ?? [], other[name] ?? []];
    return [
      ...without(before, after).map((row) => `missing in ${name}: ${row}`),
      ...without(after, before).map((row) => `too much in ${name}: ${row}`),
    ];
  });
}

/** With as many of each as there are. */
function without(rows: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return rows.filter((row) => {
    const at = left.indexOf(row);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

/** Undefined where the flow came through in the end. */
async function repeated(flow: Flow, place: FlowPlace, direct: Database): Promise<Error | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await flow.run(place);
      return undefined;
    } catch (thrown) {
      const error = toError(thrown);
      if (attempt > 1 && 'code' in error && error.code === flow.repeatedCode) return undefined;
      const isRetryable = 'retryable' in error && error.retryable === true;
      if (!isRetryable || attempt === attemptsMax) return error;
      await expireLeases(direct);
    }
  }
}

async function expireLeases(direct: Database): Promise<void> {
  const tables = await tablesOf(direct);
  for (const table of [`${testSchema}.organizations`, `${testSchema}.deliveries`]) {
    if (!tables.includes(table)) continue;
    await direct.query(
      `UPDATE ${table} SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL`,
    );
  }
}

/** Whoever stands in `relay.hooks` watches the statements. */
async function openPlace(
  url: string,
  home: string,
  relay: { readonly hooks: StatementHooks },
): Promise<FlowPlace> {
  const database = await openPostgres({
    url,
    applicationName: 'tests',
    connectTimeoutMs: 5000,
    onStatement: (sql) => relay.hooks.onStatement?.(sql),
    afterStatement: (sql) => relay.hooks.afterStatement?.(sql),
  });
  const directory = join(home, 'archive');
  await mkdir(directory);
  return {
    database,
    directory,
    ledger: () =>
      openLedger({ database, schema: testSchema, migrate: true, leaseMs: 30_000, logger: silentLogger }),
  };
}

async function filesIn(directory: string): Promise<string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const lines = found
    .filter((file) => file.isFile())
    .map(async (file) => {
      const path = join(file.parentPath, file.name);
      // A digest holds the time at which it was planned.
      const isDigest = path.includes('/digests/');
      return `${relative(directory, path)} ${isDigest ? '' : (await readFile(path)).toString('hex')}`;
    });
  return (await Promise.all(lines)).toSorted();
}

/** Watches the statements of one flow, which come one after another, and lets one of them fail. */
class FaultySession implements StatementHooks {
  readonly seen: Statement[] = [];
  hasFired = false;
  readonly #fault: Fault | undefined;
  #check = cockroachTransactionCheck();
  #isInside = false;

  constructor(fault: Fault | undefined) {
    this.#fault = fault;
  }

  readonly onStatement = (sql: string): void => {
    this.#check(sql);
    if (/^BEGIN\b/.test(sql)) this.#isInside = true;
    const ends = /^(?:COMMIT|ROLLBACK)\b/.test(sql);
    this.seen.push({ sql, isLasting: sql === 'COMMIT' || !this.#isInside, hasSucceeded: false });
    if (ends) this.#isInside = false;
    this.#act('before');
  };

  readonly afterStatement = (): void => {
    const statement = this.seen.at(-1);
    if (statement !== undefined) statement.hasSucceeded = true;
    this.#act('after');
  };

  #act(when: Fault['when']): void {
    const fault = this.#fault;
    if (this.hasFired || fault?.when !== when || fault.index !== this.seen.length - 1) return;
    this.hasFired = true;
    // The connection is gone, or is about to be rolled back.
    this.#isInside = false;
    this.#check = cockroachTransactionCheck();
    throw Object.assign(new Error(`injected ${fault.code}`), { code: fault.code });
  }
}
