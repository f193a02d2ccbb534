import { afterEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { parseTrap, startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { call, page } from './sandbox-client.ts';

const running: Sandbox[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((sandbox) => sandbox.close()));
});

async function started(seed: number, traps: readonly string[]): Promise<Sandbox> {
  const sandbox = await startSandbox({ entries: 5, seed, traps });
  running.push(sandbox);
  return sandbox;
}

/** What twelve requests in a row are answered. */
async function statuses(seed: number, ...traps: readonly string[]): Promise<readonly number[]> {
  const sandbox = await started(seed, traps);
  const all: number[] = [];
  while (all.length < 12) all.push((await call(sandbox, 'organization')).status);
  return all;
}

describe('how often a trap fires', () => {
  it('can be told as the first times, as every nth time, or as a probability', async () => {
    expect(await statuses(1, 'server-error=x2')).toEqual([500, 500, ...Array<number>(10).fill(200)]);
    expect((await statuses(1, 'server-error=1/4')).map((status) => status === 500)).toEqual(
      Array.from({ length: 12 }, (_, index) => index % 4 === 3),
    );
    expect(new Set(await statuses(1, 'server-error=0.5'))).toEqual(new Set([200, 500]));
    expect(new Set(await statuses(1, 'server-error=0'))).toEqual(new Set([200]));
  });

  it('is the same for the same seed', async () => {
    expect(await statuses(3, 'server-error=0.5')).toEqual(await statuses(3, 'server-error=0.5'));
    expect(await statuses(3, 'server-error=0.5')).not.toEqual(await statuses(4, 'server-error=0.5'));
  });

  it('does not change when another trap is set beside it', async () => {
    expect(await statuses(1, 'unavailable=0.5', 'clock-skew')).toEqual(await statuses(1, 'unavailable=0.5'));
  });

  it.each(['reset=2', 'reset=often', 'reset=', 'reset=1/0', 'reset=-1'])('is refused as %s', (text) => {
    expect(() => parseTrap(text)).toThrow(UsageError);
  });
});

describe('an unknown trap', () => {
  it('is refused with the name that was meant', async () => {
    expect(() => parseTrap('tail-nwo')).toThrow('There is no trap "tail-nwo"; did you mean "tail-now"?');
    expect(() => parseTrap('zzzzzzzzzzzzzzzz')).toThrow(/^There is no trap "z+"\. /);
    expect(await rejectionOf(startSandbox({ traps: ['resett'] }))).toBeInstanceOf(UsageError);
  });
});

describe('traps set while it runs', () => {
  it('replace the former ones, but the history stays as it was', async () => {
    const sandbox = await started(1, ['nanoseconds', 'unauthorized']);
    expect((await call(sandbox, 'organization')).status).toBe(401);
    sandbox.setTraps(['payload-object']);
    expect((await page(sandbox, { limit: 1 })).entries[0]?.['created_at']).toMatch(/\.\d{9}Z$/);
    expect(() => {
      sandbox.setTraps(['no-id']);
    }).toThrow('can only be set at the start');
  });
});
