/** What is said of a piece of work: a word for programs and a sentence for people. */
import type { FailureOverview, LeaseOverview, WorkOverview } from '../ledger/overview.ts';
import { redactSecrets } from '../redact.ts';
import { duration, ended } from './sentences.ts';

/** From best to worst. */
export const workStates = ['Running', 'Degraded', 'Failed'] as const;
/**
 * `Running`: as it should be, or quiet for a known reason. `Degraded`: failing and tried again, or nobody does it.
 * `Failed`: stopped until an operator does something.
 */
export type WorkState = (typeof workStates)[number];

export interface Verdict {
  readonly state: WorkState;
  readonly sentence: string;
}

const minuteMs = 60_000;
/** No success for so long needs a reason. */
export const quietMs: number = 15 * minuteMs;
/** Another process takes over from one that died after one lease time; some more for a restart. */
export const takeOverMs: number = 2 * minuteMs;

export function worst(states: readonly WorkState[]): WorkState {
  return workStates.findLast((state) => states.includes(state)) ?? 'Running';
}

export type Holding =
  | { readonly kind: 'held'; readonly holder: string }
  /** The lease ran out: its holder died, or hangs. */
  | { readonly kind: 'silent'; readonly holder: string; readonly forMs: number }
  | { readonly kind: 'free' };

/** Whether somebody does the work. */
export function holdingOf(lease: LeaseOverview | undefined, nowMs: number): Holding {
  if (lease === undefined) return { kind: 'free' };
  const forMs = nowMs - lease.untilMs;
  return forMs <= 0
    ? { kind: 'held', holder: lease.holder }
    : { kind: 'silent', holder: lease.holder, forMs };
}

/** The verdict on failing work. */
export function judgeFailure(failure: FailureOverview, work: WorkOverview, nowMs: number): Verdict {
  const age = duration(nowMs - failure.sinceMs);
  const sentence = ended(redactSecrets(failure.sentence));
  if (failure.isStopped) return { state: 'Failed', sentence: `Stopped ${age} ago: ${sentence}` };
  const isTried = holdingOf(work.lease, nowMs).kind === 'held';
  return { state: 'Degraded', sentence: `Failing for ${age}${isTried ? ', trying again' : ''}: ${sentence}` };
}
