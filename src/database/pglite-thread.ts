/** The main thread's end of one PGlite worker: requests become promises, and the worker's death rejects them all. */
import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { compiledFile } from '../compiled-file.ts';
import { DatabaseError } from './database-error.ts';
import type { EngineFailure, EngineReply, EngineRequest, EngineResult } from './pglite-messages.ts';
import type { Connection, StatementResult } from './session.ts';
import { describeDatabaseFailure } from './postgres-errors.ts';
import { decodeValue, type EncodedParameter } from './values.ts';

const closeTimeoutMs = 10_000;

interface Pending {
  readonly resolve: (result: EngineResult | EngineFailure) => void;
  readonly reject: (error: Error) => void;
}

type RequestBody = EngineRequest extends infer R ? (R extends EngineRequest ? Omit<R, 'id'> : never) : never;

export class PgliteThread implements Connection {
  readonly #worker: Worker;
  readonly #place: string;
  readonly #directory: string;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<unknown>;
  #nextId = 1;
  #end: DatabaseError | undefined;

  private constructor(directory: string, place: string) {
    this.#place = place;
    this.#directory = directory;
    this.#worker = new Worker(compiledFile('src/database/pglite-worker.js'), {
      workerData: { directory },
      execArgv: [],
      // Whatever the engine prints must not reach our stdout, which belongs to results.
      stdout: true,
      stderr: true,
    });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#exited = once(this.#worker, 'exit').catch(() => undefined);
    this.#worker.on('message', (reply: EngineReply) => this.#receive(reply));
    this.#worker.on('error', (error) => this.#lose(error.message));
    this.#worker.on('exit', () => this.#lose('its thread ended'));
  }

  /** Starts the worker and waits until the database is open. */
  static async start(directory: string, place: string, signal?: AbortSignal): Promise<PgliteThread> {
    const thread = new PgliteThread(directory, place);
    try {
      await thread.#ready(signal);
      return thread;
    } catch (error) {
      await thread.terminate();
      throw error;
    }
  }

  /** True when the worker is gone and every further request would be rejected. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  async execute(sql: string, parameters: EncodedParameter[]): Promise<StatementResult> {
    // A small Buffer is a window on a shared pool, which cloning would copy as a whole.
    const values = parameters.map((value) => (Buffer.isBuffer(value) ? new Uint8Array(value) : value));
    const result = await this.#request({ kind: 'execute', sql, parameters: values });
    return {
      rows: result.rows.map((row) => toObject(row, result)),
      rowCount: result.rowCount,
      columns: result.columns,
      command: result.command,
    };
  }

  async copyIn(sql: string, data: Buffer): Promise<void> {
    const fromBlob = sql.replace(/\bFROM\s+STDIN\b/i, "FROM '/dev/blob'");
    await this.#request({ kind: 'copy', sql: fromBlob, data: new Uint8Array(data) });
  }

  describe(thrown: unknown, sql: string): unknown {
    return describeDatabaseFailure(thrown, { database: this.#place, sql });
  }

  /** Closes the database and ends the worker, by force if it does not end by itself. */
  async close(): Promise<void> {
    if (this.#end === undefined) {
      this.#worker.postMessage({ id: 0, kind: 'close' } satisfies EngineRequest, []);
    }
    const timer = new AbortController();
    const late = wait(closeTimeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([this.#exited, late]);
    timer.abort();
    await this.terminate();
  }

  /** Ends the worker at once, in the middle of whatever it does. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  async #request(body: RequestBody): Promise<EngineResult> {
    if (this.#end !== undefined) throw this.#end;
    const id = this.#nextId;
    this.#nextId += 1;
    const result = await new Promise<EngineResult | EngineFailure>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ ...body, id }, []);
    });
    if ('sqlState' in result) throw Object.assign(new Error(result.message), { code: result.sqlState });
    return result;
  }

  async #ready(signal: AbortSignal | undefined): Promise<void> {
    let onAbort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#pending.set(0, { resolve: () => resolve(), reject });
        onAbort = () => reject(signal?.reason);
        signal?.addEventListener('abort', onAbort, { once: true });
        if (signal?.aborted === true) onAbort();
      });
    } finally {
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    }
  }

  #receive(reply: EngineReply): void {
    switch (reply.kind) {
      case 'ready':
        this.#settle(0, { columns: [], types: [], rows: [], command: '', rowCount: 0 });
        return;
      case 'done':
        this.#settle(reply.id, reply.result);
        return;
      case 'closed':
        return;
      case 'broken':
        this.#lose(reply.message);
        return;
      default:
        reply satisfies never;
    }
  }

  #settle(id: number, result: EngineResult | EngineFailure): void {
    this.#pending.get(id)?.resolve(result);
    this.#pending.delete(id);
  }

  #lose(reason: string): void {
    this.#end ??= engineLost(this.#place, reason, freeBytes(this.#directory));
    for (const pending of this.#pending.values()) pending.reject(this.#end);
    this.#pending.clear();
  }
}

/** One segment of its log. The engine does not say that it found no space, it only stops. */
const spaceNeeded = 16 * 1024 * 1024;

/** Why nothing more can be asked of an engine; `free`: bytes that are left on its disk, undefined where nobody knows. */
export function engineLost(place: string, reason: string, free: number | undefined): DatabaseError {
  const advice =
    free !== undefined && free < spaceNeeded
      ? ` There is almost no space left on its disk (${Math.floor(free / 1024)} KiB). Free or add space.`
      : '';
  // Always this code: whether a COMMIT was carried out is as unknown as with a connection that broke.
  return new DatabaseError(`${place} has stopped working: ${reason}.${advice}`, {
    code: 'connection_lost',
    retryable: true,
  });
}

function freeBytes(directory: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    // A directory that is gone is told by whoever uses it next.
    return undefined;
  }
}

function toObject(row: readonly (string | null)[], result: EngineResult): StatementResult['rows'][number] {
  return Object.fromEntries(
    result.columns.map((name, index) => {
      const text = row[index] ?? null;
      return [name, text === null ? null : decodeValue(result.types[index] ?? 0, text)];
    }),
  );
}
