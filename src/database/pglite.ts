/**
 * The embedded database: PostgreSQL compiled to WebAssembly (PGlite), in a directory, for trials and single hosts.
 *
 * It survives the death of its process at any moment, but not the loss of power or a crash of the machine: it never
 * syncs what it writes, and no setting makes it. Production uses a PostgreSQL server. One process at a time has it open, held by
 * the directory's lock; it has one connection, so statements wait for each other and a transaction excludes everything else.
 *
 *   directory/                  0700
 *     postgres/                 the data, never half there (pglite-data.ts)
 *     lock-….socket             who holds it (directory-lock.ts)
 */
import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Database } from './database.ts';
import { DatabaseError } from './database-error.ts';
import { acquireDirectoryLock, type DirectoryLock, type Holder } from './directory-lock.ts';
import { createData, dataDirectory, hasData } from './pglite-data.ts';
import { PgliteThread } from './pglite-thread.ts';
import { SessionDatabase } from './session-database.ts';
import { Session, type StatementHooks } from './session.ts';
import { Slots } from './slots.ts';
import { quoteQualifiedName } from './sql.ts';
import type { Sessions } from './transaction.ts';

export interface PgliteOptions extends StatementHooks {
  readonly directory: string;
  /** Make the directory and the database in it where there is none. Default true. */
  readonly create?: boolean | undefined;
  /** What others are told who find the directory in use. */
  readonly holder?: Holder | undefined;
  /** Ends the opening; it has no part in what comes after. */
  readonly signal?: AbortSignal | undefined;
}

/** A database that has nobody who tidies it up but us. */
export interface EmbeddedDatabase extends Database {
  /** `VACUUM (ANALYZE)` of one table (`table` or `schema.table`), or of all: there is no autovacuum here. */
  maintain(table?: string): Promise<void>;
}

const vacuum = 'VACUUM (ANALYZE)';

/**
 * Takes the directory's lock and opens the database in it. Throws an ExporterError of kind `held` when another process
 * has it, and a DatabaseError when it can't be made or opened.
 */
export async function openPglite(options: PgliteOptions): Promise<EmbeddedDatabase> {
  if (options.create !== false) await mkdir(options.directory, { recursive: true, mode: 0o700 });
  else requireDirectory(options.directory);
  const directory = await realpath(options.directory);
  const lock = await acquireDirectoryLock(directory, options.holder);
  try {
    if (!hasData(directory)) await createData(directory, options.signal);
    const sessions = new ThreadSessions(dataDirectory(directory), directory, lock, options);
    await sessions.open(options.signal);
    const database = new SessionDatabase({
      kind: 'pglite',
      fingerprint: directory,
      sessions,
      close: () => sessions.close(),
    });
    return Object.assign(database, {
      maintain: async (table?: string) => {
        await database.query(table === undefined ? vacuum : `${vacuum} ${quoteQualifiedName(table)}`);
      },
    });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class ThreadSessions implements Sessions {
  readonly #data: string;
  readonly #place: string;
  readonly #lock: DirectoryLock;
  readonly #hooks: StatementHooks;
  readonly #slot = new Slots(1);
  #thread: PgliteThread | undefined;

  constructor(data: string, directory: string, lock: DirectoryLock, hooks: StatementHooks) {
    this.#data = data;
    this.#place = `The embedded database in ${directory}`;
    this.#lock = lock;
    this.#hooks = hooks;
  }

  async open(signal: AbortSignal | undefined): Promise<void> {
    this.#thread = await PgliteThread.start(this.#data, this.#place, signal);
  }

  async acquire(signal?: AbortSignal): Promise<Session> {
    await this.#slot.take(signal);
    try {
      return new Session(await this.#living(signal), this.#hooks);
    } catch (error) {
      this.#slot.give();
      throw error;
    }
  }

  release(session: Session): void {
    if (session.isBroken) void this.#tidy().finally(() => this.#slot.give());
    else this.#slot.give();
  }

  /** Ends the worker after what is running, and gives the directory back last. */
  async close(): Promise<void> {
    this.#slot.close(
      () =>
        new DatabaseError(`${this.#place} was closed by this program.`, { code: 'closed', retryable: false }),
    );
    await this.#slot.drained();
    await this.#thread?.close();
    await this.#lock.release();
  }

  async #living(signal: AbortSignal | undefined): Promise<PgliteThread> {
    if (this.#thread === undefined || this.#thread.hasEnded) {
      await this.#thread?.close();
      this.#thread = await PgliteThread.start(this.#data, this.#place, signal);
    }
    return this.#thread;
  }

  /** There is only this connection, so one in doubt is not thrown away: what it may have left open is rolled back. */
  async #tidy(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined || thread.hasEnded) return;
    try {
      await thread.execute('ROLLBACK', []);
    } catch {
      // A worker that can't even do that is ended, and the next statement starts another from what is on disk.
      await thread.close();
    }
  }
}

function requireDirectory(directory: string): void {
  if (hasData(directory)) return;
  throw new DatabaseError(
    `There is no embedded database in ${path.resolve(directory)}. Check the path of the store's URL.`,
    { code: 'database_missing', retryable: false },
  );
}
