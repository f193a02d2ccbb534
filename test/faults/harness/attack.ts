/** What an attack is, and what it tells. A new attack is a module with one of these, and a line in `attacks.ts`. */
import type { Random } from '../../../src/sandbox/random.ts';
import type { TestDatabase } from '../../helpers/postgres-databases.ts';

export interface AttackContext {
  /** Of this attack alone: the same seed makes the same choices. */
  readonly random: Random;
  readonly createDatabase: () => Promise<TestDatabase>;
  /** No new round begins after it. */
  readonly signal: AbortSignal;
  /** Random kills in one world; undefined: as the attack has it. */
  readonly killsPerWorld?: number;
  /** How many rounds; undefined: as many as there is time for. */
  readonly rounds: number | undefined;
  /** Only the kill points of this name; undefined: all. */
  readonly point: string | undefined;
  /** How many worlds are attacked side by side. */
  readonly lanes: number;
  /** Counts something that was done to the program, by name. */
  count(what: string): void;
  /** Notes how long something took. */
  measure(what: string, milliseconds: number): void;
  /** A promise was broken: a sentence, and what repeats it. */
  find(sentence: string): void;
}

export interface Attack {
  readonly name: string;
  readonly title: string;
  run(context: AttackContext): Promise<void>;
}

/** Takes tasks one after the other in so many lanes, until there are none or time is up. */
export async function inLanes<T>(
  context: AttackContext,
  tasks: Iterable<T>,
  attack: (task: T) => Promise<void>,
): Promise<void> {
  const left = tasks[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    while (!context.signal.aborted) {
      const next = left.next();
      if (next.done === true) return;
      await attack(next.value);
    }
  };
  await Promise.all(Array.from({ length: context.lanes }, lane));
}
