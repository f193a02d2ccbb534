import { describe, expect, it } from 'vitest';
import { sweepFlow } from './statement-sweep.ts';
import { flows } from './store-flows.ts';

/**
 * Looking for an organization, taking a lease and giving it back belong to nearly every flow: what stands outside of a
 * transaction is attacked in the first flow that has it, and in every one with FAULT_STATEMENTS=all.
 */
const isEverywhere = process.env['FAULT_STATEMENTS'] === 'all';
const attacked = new Set<string>();

describe('40001 and 40003 at every statement, on a server that calls itself CockroachDB', () => {
  it.each(flows)(
    'change nothing of the outcome of %s',
    async (_, flow) => {
      const { statements, runs, deviations } = await sweepFlow(flow, isEverywhere ? new Set() : attacked);
      expect(deviations).toEqual([]);
      expect(runs).toBeGreaterThan(0);
      expect(statements).toBeGreaterThan(0);
    },
    600_000,
  );
});
