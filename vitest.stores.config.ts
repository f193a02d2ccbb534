import type { ViteUserConfig } from 'vitest/config';

/**
 * What needs an object store that runs already: S3_TEST_ENDPOINT and S3_TEST_BUCKET say where, AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY let in. The bucket is there, without versions, and may be filled; everything goes below a random
 * prefix. For Object Lock buckets are made that nobody can empty for a month: give it a store that can be thrown away.
 *
 * S3_TEST_LACKS says what the store is known not to do; the tests of that then say so in their names. So far there is
 * `atomic-conditions`: of several conditional puts at once, it may let more than one through.
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
