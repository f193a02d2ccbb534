import type { ViteUserConfig } from 'vitest/config';

/**
 * What needs an object store that runs already: S3_TEST_ENDPOINT and S3_TEST_BUCKET say where, AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY let in. The bucket is there and may be filled; everything goes below a random prefix.
 */
const config: ViteUserConfig = {
  test: {
    include: ['test/stores/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    maxWorkers: 2,
  },
};

export default config;
