/** What operators do, and do by mistake, while the log grows and processes die (F14, F15, F40, F41). */
import { createRandom } from '../../../src/sandbox/random.ts';
import type { Attack, AttackContext } from '../harness/attack.ts';
import { inLanes } from '../harness/attack.ts';
import { changedSinks } from './changed-sinks.ts';
import { environmentKeySwap, keyFileSwap } from './key-swap.ts';
import { lostStores } from './lost-store.ts';
import type { Operation } from './operation.ts';
import { rollbackToRefused, rollbackToSuiting } from './rollback.ts';
import { rollingUpdate } from './rolling-update.ts';
import { twoExporters } from './two-exporters.ts';

const operations: readonly Operation[] = [
  rollingUpdate,
  rollbackToSuiting,
  rollbackToRefused,
  keyFileSwap,
  environmentKeySwap,
  ...lostStores,
  twoExporters,
  ...changedSinks,
];

export const operationsAttack: Attack = {
  name: 'operations',
  title: 'updates, rollbacks, swapped keys, lost stores, two exporters in one place, sinks that come and go',
  run: async (context) => {
    await inLanes(context, tasksOf(context), async ({ operation, seed }) => {
      const { name } = operation;
      try {
        const findings = await operation.run(context, { seed, random: createRandom(seed) });
        for (const finding of findings) context.find(`${name} (seed ${seed}): ${finding}`);
        context.count(name);
      } catch (error) {
        context.find(`${name} (seed ${seed}): ${String(error)}`);
      }
    });
  },
};

interface Task {
  readonly operation: Operation;
  readonly seed: number;
}

function* tasksOf({ rounds = Number.POSITIVE_INFINITY, point, random }: AttackContext): Generator<Task> {
  const chosen = operations.filter(({ name }) => point === undefined || name.includes(point));
  for (let round = 0; round < rounds && chosen.length > 0; round += 1)
    for (const operation of chosen) yield { operation, seed: random.integer(2 ** 31) };
}
