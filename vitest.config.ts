import type { ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = {
  test: {
    include: ['test/**/*.test.ts'],
    // These need what not everybody has, an object store, DuckDB or a registry, and have configurations of their own.
    exclude: ['test/stores/**', 'test/queries/**', 'test/image/**'],
    globalSetup: ['test/helpers/postgres-global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    restoreMocks: true,
    maxWorkers: 3,
    // What an attack found is told whole, not as [ Array(1) ].
    chaiConfig: { truncateThreshold: 2000 },
  },
};

export default config;
