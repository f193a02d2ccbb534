import type { ViteUserConfig } from 'vitest/config';

/** Builds and runs what the Dockerfile says without an engine: needs root, Linux namespaces and a package registry. */
const config: ViteUserConfig = {
  test: {
    include: ['test/image/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 600_000,
    restoreMocks: true,
  },
};

export default config;
