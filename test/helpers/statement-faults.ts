/**
 * Hooks for a database that make chosen statements fail as a server or a network would. It also keeps what was run
 * and holds every statement to what CockroachDB can do.
 */
import type { StatementHooks } from '../../src/database/session.ts';
import { assertCockroachCompatible } from './cockroach-compatible.ts';

interface Fault {
  readonly when: 'before' | 'after';
  readonly pattern: RegExp;
  readonly act: () => void | Promise<void>;
  times: number;
}

export class StatementFaults implements StatementHooks {
  /** Every statement since the last `clear`. */
  readonly seen: string[] = [];
  #faults: Fault[] = [];

  readonly onStatement = async (sql: string): Promise<void> => {
    assertCockroachCompatible(sql);
    this.seen.push(sql);
    await this.#act('before', sql);
  };

  readonly afterStatement = async (sql: string): Promise<void> => {
    await this.#act('after', sql);
  };

  /** Faults that did not happen yet. */
  get remaining(): number {
    return this.#faults.reduce((sum, fault) => sum + fault.times, 0);
  }

  clear(): void {
    this.#faults = [];
    this.seen.length = 0;
  }

  /** Statements that match fail with `code`, a SQLSTATE or a network error's, and are not sent. */
  failBefore(pattern: RegExp, code: string, times = 1): void {
    this.#add('before', pattern, () => fail(code), times);
  }

  /** Statements that match are carried out, and their answer is lost. */
  failAfter(pattern: RegExp, code: string, times = 1): void {
    this.#add('after', pattern, () => fail(code), times);
  }

  callBefore(pattern: RegExp, act: () => void | Promise<void>): void {
    this.#add('before', pattern, act, 1);
  }

  callAfter(pattern: RegExp, act: () => void | Promise<void>): void {
    this.#add('after', pattern, act, 1);
  }

  #add(when: Fault['when'], pattern: RegExp, act: Fault['act'], times: number): void {
    this.#faults.push({ when, pattern, act, times });
  }

  async #act(when: Fault['when'], sql: string): Promise<void> {
    const fault = this.#faults.find(
      (candidate) => candidate.when === when && candidate.times > 0 && candidate.pattern.test(sql),
    );
    if (fault === undefined) return;
    fault.times -= 1;
    await fault.act();
  }
}

function fail(code: string): never {
  throw Object.assign(new Error(`injected ${code}`), { code });
}
