import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/postgres.ts';
import { runSourceFaults } from './source-faults.ts';

/** SOURCE_SEED and SOURCE_RUNS make the same run again, or many more. */
const first = Number(process.env['SOURCE_SEED'] ?? 1);
const count = Number(process.env['SOURCE_RUNS'] ?? 4);
const seeds = Array.from({ length: count }, (_, index) => first + index);

// Most of a run is waiting for a source that stalls, so a few go side by side.
describe.concurrent('a source in every kind of trouble at once', () => {
  it.each(seeds)(
    'costs no sink an entry and doubles none (seed %i)',
    async (seed) => {
      const { findings, traps, exitCodes, entries } = await runSourceFaults(seed, createTestDatabase);
      expect({ findings, traps, exitCodes }).toEqual({ findings: [], traps, exitCodes });
      expect(entries).toBeGreaterThan(100);
    },
    300_000,
  );
});
