/** What operators do to a running exporter. `npm run torture -- --only operations` has all of it, and longer. */
import { expect, it } from 'vitest';
import { attackOnce, attackTimeoutMs } from './harness/attack-once.ts';
import { operationsAttack } from './operations/operations-attack.ts';

it.each([
  'a rolling update over a pending migration',
  'a rollback to a release that the store refuses',
  'a key in the environment that is another organization’s at a restart',
  'a lost store beside full archives, restored from the bucket',
  'two exporters on one bucket, one directory and one table',
])(
  'loses and doubles nothing, and is told in a sentence: %s',
  { timeout: attackTimeoutMs },
  async (point) => {
    expect((await attackOnce(operationsAttack, { point })).findings).toEqual([]);
  },
);
