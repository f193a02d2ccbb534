import type { Attack } from './harness/attack.ts';
import { killPointAttack } from './kill-points.ts';
import { randomKillAttack } from './random-kills.ts';
import { operationsAttack } from './operations/operations-attack.ts';
import { fullDiskAttack } from './outages/full-disk-attack.ts';
import { sinkTroubleAttack } from './outages/sink-trouble-attack.ts';
import { storeOutageAttack } from './outages/store-outage-attack.ts';
import { sharingAttack } from './sharing.ts';

/** All that `npm run torture` knows. */
export const attacks: readonly Attack[] = [
  randomKillAttack,
  sharingAttack,
  sinkTroubleAttack,
  storeOutageAttack,
  fullDiskAttack,
  operationsAttack,
  killPointAttack,
];
