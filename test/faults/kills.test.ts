/** F11, F12: a process that dies at any moment loses nothing and doubles nothing, in any sink. `npm run torture` is longer. */
import { expect, it } from 'vitest';
import { attackOnce, attackTimeoutMs } from './harness/attack-once.ts';
import { killPointAttack } from './kill-points.ts';
import { randomKillAttack } from './random-kills.ts';

it.each([
  'before-boundary-commit',
  'position-moved',
  'append-committed',
  'object-planned',
  'file-linked',
  'put-answered',
  'rows-copied',
  'lines-printed',
  'before-offset-commit',
])(
  'nothing is lost or doubled when the program is killed at %s, in any sink',
  { timeout: attackTimeoutMs },
  async (point) => {
    expect((await attackOnce(killPointAttack, { point, lanes: 4 })).findings).toEqual([]);
  },
);

it(
  'nothing is lost or doubled when the program is killed at random moments',
  { timeout: attackTimeoutMs },
  async () => {
    expect(await attackOnce(randomKillAttack, { killsPerWorld: 6 })).toEqual({ count: 6, findings: [] });
  },
);
