/**
 * Loaded into the program before it starts (`node --import`): ends the process with SIGKILL at the moment a step is reached
 * for the n-th time. END_AT_STEP is `{"step", "sink", "times"}`; without a sink any counts.
 */
import { subscribe } from 'node:diagnostics_channel';

const wanted = JSON.parse(process.env.END_AT_STEP ?? '{}');
let left = wanted.times ?? 1;

subscribe('ccloud-audit-export:steps', ({ step, sink }) => {
  if (step !== wanted.step || (wanted.sink !== undefined && sink !== wanted.sink)) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
});
