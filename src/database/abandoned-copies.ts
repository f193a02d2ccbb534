/**
 * COPYs that nobody goes on with. A process that is stopped while it sends the rows of one, or whose host is gone, leaves a session
 * that waits for the rest and keeps its locks: to the server that is work, which `idle_in_transaction_session_timeout` does not end,
 * and a cancelled statement would not either. So whoever is alive ends such sessions of this program under the same role.
 */
import type { ClientBase } from 'pg';

const endAbandoned = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND usename = current_user AND application_name = current_setting('application_name')
    AND state = 'active' AND wait_event = 'ClientRead' AND query_start < now() - CAST($1 AS interval)`;

/** Looks are few: this is for what hardly ever happens. */
const looksPerTime = 2;

export class AbandonedCopies {
  readonly #abandonedAfterMs: number;
  readonly #lookTimeoutMs: number;
  #nextLook = 0;

  /** `abandonedAfterMs`: after so long without an answer a living process has given its statement up. */
  constructor(options: { readonly abandonedAfterMs: number; readonly lookTimeoutMs: number }) {
    this.#abandonedAfterMs = options.abandonedAfterMs;
    this.#lookTimeoutMs = options.lookTimeoutMs;
  }

  /** Ends them when it is time for a look again. */
  async end(client: ClientBase): Promise<void> {
    if (performance.now() < this.#nextLook) return;
    this.#nextLook = performance.now() + this.#abandonedAfterMs / looksPerTime;
    const values = [`${this.#abandonedAfterMs} milliseconds`];
    // The driver knows the timeout; its types do not.
    const query = { text: endAbandoned, values, query_timeout: this.#lookTimeoutMs };
    try {
      await client.query(query);
    } catch {
      // A server that does not let itself be asked is no worse than without it, and a broken connection shows in the next statement.
    }
  }
}
