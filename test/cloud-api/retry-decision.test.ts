import { describe, expect, test } from 'vitest';
import { cloudApiErrorCodes } from '../../src/cloud-api/cloud-api-error.ts';
import { decideRetry, type FailedAttempt } from '../../src/cloud-api/retry-decision.ts';

const policy = { attempts: 5, backoffMs: 100, delayMaxMs: 10_000 };

function failed(changes: Partial<FailedAttempt>): FailedAttempt {
  return {
    code: 'server_failed',
    status: 503,
    retryAfterMs: undefined,
    isRead: true,
    mayHaveArrived: true,
    isCutOff: false,
    attempt: 1,
    ...changes,
  };
}

describe('whether a request that only looks is sent again', () => {
  const helps = new Set(['rate_limited', 'server_failed', 'unreachable', 'timed_out']);

  test.each(cloudApiErrorCodes)('%s', (code) => {
    expect(decideRetry(failed({ code, status: undefined }), policy, 0) !== undefined).toBe(helps.has(code));
  });

  test('a request timeout (408) is the one refused request that is', () => {
    expect(decideRetry(failed({ code: 'request_refused', status: 408 }), policy, 0)).toBe(0);
    expect(decideRetry(failed({ code: 'request_refused', status: 422 }), policy, 0)).toBeUndefined();
  });

  test('a body that was cut off is, one that is not JSON is not', () => {
    expect(decideRetry(failed({ code: 'response_unusable', isCutOff: true }), policy, 0)).toBe(0);
    expect(decideRetry(failed({ code: 'response_unusable', status: 302 }), policy, 0)).toBeUndefined();
    expect(decideRetry(failed({ code: 'response_unusable', status: 200 }), policy, 0)).toBe(0);
    expect(
      decideRetry(failed({ code: 'response_unusable', status: 200, attempt: 3 }), policy, 0),
    ).toBeUndefined();
  });

  test('the last attempt is the last', () => {
    expect(decideRetry(failed({ attempt: 4 }), policy, 0)).toBe(0);
    expect(decideRetry(failed({ attempt: 5 }), policy, 0)).toBeUndefined();
  });
});

describe('whether a request that changes something is sent again', () => {
  test.each([
    ['a reset connection', { code: 'unreachable' as const, status: undefined }, false],
    ['a connection that was never made', { code: 'unreachable' as const, mayHaveArrived: false }, true],
    ['no answer in time', { code: 'timed_out' as const, status: undefined }, false],
    ['a 500', { status: 500 }, false],
    ['a 503, even with Retry-After', { status: 503, retryAfterMs: 1000 }, false],
    ['a refusal for the rate', { code: 'rate_limited' as const, status: 429 }, true],
    ['a cut body', { code: 'response_unusable' as const, status: 200, isCutOff: true }, false],
  ])('after %s', (_name, changes, isSentAgain) => {
    expect(decideRetry(failed({ isRead: false, ...changes }), policy, 0) !== undefined).toBe(isSentAgain);
  });
});

describe('when it is sent again', () => {
  test.each([
    [1, 0, 0],
    [1, 0.5, 50],
    [2, 0.5, 100],
    [4, 0.5, 400],
  ])('attempt %i with random %d waits %d ms: full jitter under a doubling ceiling', (attempt, random, ms) => {
    expect(decideRetry(failed({ attempt }), policy, random)).toBe(ms);
  });

  test('the ceiling does not grow past the longest delay', () => {
    const patient = { ...policy, attempts: 2000 };
    expect(decideRetry(failed({ attempt: 1999 }), patient, 0.999)).toBeLessThanOrEqual(policy.delayMaxMs);
  });

  test('Retry-After is the floor, with jitter above it', () => {
    expect(decideRetry(failed({ retryAfterMs: 3000 }), policy, 0)).toBe(3000);
    expect(decideRetry(failed({ retryAfterMs: 3000 }), policy, 0.5)).toBe(3050);
  });

  test('an absurd Retry-After is cut to the longest delay', () => {
    expect(decideRetry(failed({ retryAfterMs: Number.MAX_SAFE_INTEGER }), policy, 0.9)).toBe(10_000);
  });

  test.each([0, undefined])(
    'a rate limit with Retry-After %s does not use up all attempts at once',
    (asked) => {
      expect(decideRetry(failed({ code: 'rate_limited', retryAfterMs: asked }), policy, 0)).toBe(100);
    },
  );
});
