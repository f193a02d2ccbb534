/** F12, F17, F25: destinations, stores and disks that fail under the running program. `npm run torture` has all of it, and longer. */
import { expect, it } from 'vitest';
import { attackOnce, attackTimeoutMs } from './harness/attack-once.ts';
import { fullDiskAttack } from './outages/full-disk-attack.ts';
import { sinkTroubleAttack } from './outages/sink-trouble-attack.ts';
import { storeOutageAttack } from './outages/store-outage-attack.ts';

it.each([
  'puts succeed and their answers are lost',
  'the right to put is taken away (403)',
  'the bucket is deleted and made again',
  'a column gets another type',
  'the table is emptied',
  'the directory is moved away, as when a disk is unmounted',
])(
  'costs nothing, is told in a sentence and holds back no other sink: %s',
  { timeout: attackTimeoutMs },
  async (point) => {
    expect((await attackOnce(sinkTroubleAttack, { point: point })).findings).toEqual([]);
  },
);

it(
  'loses and doubles nothing when PostgreSQL is away until a backfill gives up',
  { timeout: attackTimeoutMs },
  async () => {
    expect((await attackOnce(storeOutageAttack, { point: 'until a backfill gives up' })).findings).toEqual(
      [],
    );
  },
);

it.each(['the directory of objects', 'the embedded store'])(
  'goes on where it was when there is space again: %s',
  { timeout: attackTimeoutMs },
  async (point) => {
    expect((await attackOnce(fullDiskAttack, { point: point })).findings).toEqual([]);
  },
);
