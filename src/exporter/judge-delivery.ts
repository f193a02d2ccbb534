/** How feeding a sink goes. */
import type { DeliveryOverview } from '../ledger/overview.ts';
import { duration, entries } from './sentences.ts';
import { holdingOf, judgeFailure, quietMs, takeOverMs, type Verdict } from './verdict.ts';

/** Sinks that collect entries until an object is full or old enough. */
const rollingTypes: ReadonlySet<string> = new Set(['s3', 'file']);
/** The default of `roll.age`, for a sink whose configuration is not at hand. */
const rollAgeDefaultMs = 15 * 60_000;

export interface DeliveryContext {
  readonly nowMs: number;
  readonly isOrganizationConfigured: boolean;
  readonly isConfigured: boolean;
  readonly rollAgeMs: number | undefined;
}

export const notStarted: Verdict = { state: 'Degraded', sentence: 'Not started yet.' };
/** A backfill prints its range each time, so a store that only backfills use has no place of a stdout sink. */
export const notKept: Verdict = { state: 'Running', sentence: 'Its place is kept under `run` only.' };

export function judgeDelivery(delivery: DeliveryOverview, context: DeliveryContext): Verdict {
  const { nowMs } = context;
  const isHeld = holdingOf(delivery.lease, nowMs).kind === 'held';
  const verdict =
    !context.isConfigured && !isHeld && lagOf(delivery) > 0
      ? judgeUnconfigured(delivery, context)
      : delivery.failure === undefined
        ? judgeFeeding(delivery, context)
        : judgeFailure(delivery.failure, delivery, nowMs);
  if (delivery.parked === 0) return verdict;
  const are = delivery.parked === 1 ? 'is' : 'are';
  const parked = `${entries(delivery.parked)} ${are} parked, see "ccloud-audit parked list".`;
  return { ...verdict, sentence: `${verdict.sentence} ${parked}` };
}

/** How many entries the sink lacks. */
export function lagOf(delivery: DeliveryOverview): number {
  return Math.max(0, delivery.head - delivery.offset);
}

/** For how long the oldest of them waits. */
export function lagMsOf(delivery: DeliveryOverview, nowMs: number): number {
  return delivery.waitingSinceMs === undefined ? 0 : Math.max(0, nowMs - delivery.waitingSinceMs);
}

function judgeFeeding(delivery: DeliveryOverview, context: DeliveryContext): Verdict {
  const { nowMs } = context;
  if (delivery.head === 0) return { state: 'Running', sentence: 'Nothing to hold yet.' };
  if (lagOf(delivery) === 0) {
    return { state: 'Running', sentence: `Holds everything${delivery.parked > 0 ? ' else' : ''}.` };
  }
  const lagMs = lagMsOf(delivery, nowMs);
  const rollAgeMs = rollAgeOf(delivery, context);
  const idleMs = nowMs - Math.max(delivery.waitingSinceMs ?? 0, delivery.lastSuccessMs ?? delivery.addedMs);
  const isStuck = idleMs > quietMs + rollAgeMs;
  const behind = describeLag(delivery, nowMs);
  const holding = holdingOf(delivery.lease, nowMs);
  switch (holding.kind) {
    case 'held': {
      if (isStuck) {
        return { state: 'Degraded', sentence: `${behind}: it took nothing for ${duration(idleMs)}.` };
      }
      const isFilling = lagMs <= rollAgeMs;
      return {
        state: 'Running',
        sentence: `${behind}: ${isFilling ? 'objects are written as they fill' : 'catching up'}.`,
      };
    }
    case 'silent': {
      const sentence = `${behind}: the process ${holding.holder} that fed it went silent ${duration(holding.forMs)} ago.`;
      return { state: holding.forMs > takeOverMs ? 'Degraded' : 'Running', sentence };
    }
    case 'free':
      return { state: isStuck ? 'Degraded' : 'Running', sentence: `${behind}: no process feeds it.` };
    default:
      throw new Error(`unknown holding ${String(holding satisfies never)}`);
  }
}

/** Nobody here means to feed it. A sink that was taken away holds back pruning; an organization's absence explains itself. */
function judgeUnconfigured(delivery: DeliveryOverview, context: DeliveryContext): Verdict {
  const behind = describeLag(delivery, context.nowMs);
  if (!context.isOrganizationConfigured) {
    return { state: 'Running', sentence: `${behind}: the organization is not in this configuration.` };
  }
  return {
    state: 'Degraded',
    sentence:
      `${behind}: it is not in this configuration. Put it back, or say that it gets nothing any more with ` +
      `"ccloud-audit sink retire ${delivery.sink}".`,
  };
}

function describeLag(delivery: DeliveryOverview, nowMs: number): string {
  return `${entries(lagOf(delivery))} behind, the oldest for ${duration(lagMsOf(delivery, nowMs))}`;
}

function rollAgeOf(delivery: DeliveryOverview, { rollAgeMs }: DeliveryContext): number {
  return rollAgeMs ?? (rollingTypes.has(delivery.type) ? rollAgeDefaultMs : 0);
}
