/** One round of an attack within a test run, and what it told. */
import { createRandom } from '../../../src/sandbox/random.ts';
import { createTestDatabase } from '../../helpers/postgres.ts';
import type { Attack, AttackContext } from './attack.ts';

/** After this no new round begins; the test's own time-out is the same. */
export const attackTimeoutMs = 300_000;

export interface AttackResult {
  /** How often something was done to the program. */
  readonly count: number;
  readonly findings: readonly string[];
}

/** Throws when nothing was done and nothing found, as when no point has that name. */
export async function attackOnce(
  attack: Attack,
  options: Partial<Pick<AttackContext, 'point' | 'lanes' | 'killsPerWorld'>> = {},
): Promise<AttackResult> {
  let count = 0;
  const findings: string[] = [];
  await attack.run({
    random: createRandom(1),
    createDatabase: createTestDatabase,
    signal: AbortSignal.timeout(attackTimeoutMs),
    rounds: 1,
    point: undefined,
    lanes: 1,
    count: () => void (count += 1),
    measure: () => undefined,
    find: (sentence) => void findings.push(sentence),
    ...options,
  });
  if (count === 0 && findings.length === 0) throw new Error(`${attack.name}: nothing was attacked`);
  return { count, findings };
}
