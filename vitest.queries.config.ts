import type { ViteUserConfig } from 'vitest/config';

/** What needs DuckDB: DUCKDB_PYTHON names a Python interpreter that has it (`pip install duckdb`). The program must be built. */
const config: ViteUserConfig = {
  test: {
    include: ['test/queries/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    restoreMocks: true,
  },
};

export default config;
