/** How reading an organization goes. */
import type { OrganizationOverview, StretchOverview } from '../ledger/overview.ts';
import {
  formatTimestamp,
  maxNanos,
  minNanos,
  msFromNanos,
  parseTimestamp,
  utcDay,
  type Nanos,
} from '../time.ts';
import { duration } from './sentences.ts';
import { holdingOf, judgeFailure, quietMs, takeOverMs, type Verdict } from './verdict.ts';

/** A store that one-shots feed once a day is as it should be; some hours more are for a day that began late. */
const oneShotsQuietMs = 26 * 60 * 60_000;
/** The tail is behind by less than this while a sweep is under way. */
const sweepingMs = 60_000;
/** The clocks of vendor and database may differ by this much without it being said. */
const skewMs = 120_000;

export function judgeReading(
  organization: OrganizationOverview,
  context: { readonly nowMs: number; readonly isConfigured: boolean },
): Verdict {
  const { nowMs, isConfigured } = context;
  const holding = holdingOf(organization.lease, nowMs);
  if (!isConfigured && holding.kind !== 'held') {
    return { state: 'Running', sentence: `Not in this configuration; ${lastSuccess(organization, nowMs)}.` };
  }
  if (organization.failure !== undefined) return judgeFailure(organization.failure, organization, nowMs);
  switch (holding.kind) {
    case 'held':
      return judgeHeld(organization, holding.holder, nowMs);
    case 'silent':
      return {
        state: holding.forMs > takeOverMs ? 'Degraded' : 'Running',
        sentence:
          `The process ${holding.holder} that read it went silent ${duration(holding.forMs)} ago and no other has ` +
          `taken over; ${lastSuccess(organization, nowMs)}.`,
      };
    case 'free':
      return judgeFree(organization, nowMs);
    default:
      throw new Error(`unknown holding ${String(holding satisfies never)}`);
  }
}

function judgeHeld(organization: OrganizationOverview, holder: string, nowMs: number): Verdict {
  const { addedMs, lastSuccessMs, lastAppendedMs } = organization;
  const idleMs = nowMs - Math.max(lastSuccessMs ?? 0, lastAppendedMs ?? 0, addedMs);
  if (idleMs > quietMs) {
    const sentence = `No success for ${duration(idleMs)}: the process ${holder} holds the work and reports nothing.`;
    return { state: 'Degraded', sentence };
  }
  if (lastSuccessMs === undefined && lastAppendedMs === undefined) {
    return { state: 'Running', sentence: 'Starting: nothing was read yet.' };
  }
  const past = describePast(organization.stretches);
  if (past !== undefined) return { state: 'Running', sentence: `Reading the past: ${past}.` };
  const behind = tailBehind(organization);
  if (behind !== undefined) return { state: 'Running', sentence: `Reading the tail: ${behind}.` };
  return { state: 'Running', sentence: `Caught up ${duration(caughtUpAgeMs(organization, nowMs))} ago.` };
}

/**
 * Nobody holds the work and whoever did it last gave it back. That is how a store looks between two one-shots, so it is
 * no fault for a day; after a daemon's stop, or with a past half read, it is one soon.
 */
function judgeFree(organization: OrganizationOverview, nowMs: number): Verdict {
  const { addedMs, daemonStoppedMs, lastSuccessMs } = organization;
  if (lastSuccessMs === undefined) {
    const state = nowMs - addedMs > takeOverMs ? 'Degraded' : 'Running';
    return { state, sentence: 'Not read yet, and no process reads it.' };
  }
  const past = describePast(organization.stretches);
  // A one-shot that came after the daemon's stop says more than the stop does.
  const isStopped = daemonStoppedMs !== undefined && daemonStoppedMs >= lastSuccessMs;
  const mayBeQuietMs = isStopped || past !== undefined ? quietMs : oneShotsQuietMs;
  const why = isStopped ? `\`run\` was stopped ${duration(nowMs - daemonStoppedMs)} ago; ` : '';
  const unfinished = past === undefined ? '' : ` The past is read in part: ${past}.`;
  return {
    state: nowMs - lastSuccessMs > mayBeQuietMs ? 'Degraded' : 'Running',
    sentence: `No process reads it; ${why}${lastSuccess(organization, nowMs)}.${unfinished}`,
  };
}

function lastSuccess(organization: OrganizationOverview, nowMs: number): string {
  const { lastSuccessMs, stretches } = organization;
  if (lastSuccessMs === undefined) return 'it was never read';
  return `last ${stretches.length === 0 ? 'caught up' : 'read'} ${duration(nowMs - lastSuccessMs)} ago`;
}

/**
 * How far the past is read: the first unfinished stretch's place, and the part of all unfinished ones that is done.
 * Undefined when nothing is left to read.
 */
function describePast(stretches: readonly StretchOverview[]): string | undefined {
  const first = stretches[0];
  if (first === undefined) return undefined;
  const at = placeOf(first);
  if (at === undefined) return 'it has just begun';
  let total = 0n;
  let done = 0n;
  for (const stretch of stretches) {
    const from = stretch.measuredFrom ?? at;
    total += stretch.to - from;
    done += maxNanos(minNanos(placeOf(stretch) ?? from, stretch.to), from) - from;
  }
  const percent = total <= 0n ? 100 : Number((done * 100n) / total);
  return `at ${utcDay(at)}, ${percent} % of the time`;
}

function placeOf(stretch: StretchOverview): Nanos | undefined {
  return stretch.checkpoint === undefined ? undefined : parseTimestamp(stretch.checkpoint);
}

/** A checkpoint beyond what is covered means a sweep under way. Undefined when it is nearly at its end. */
function tailBehind(organization: OrganizationOverview): string | undefined {
  const { serverDate, tailCheckpoint, tailCoveredTo } = organization;
  const at = tailCheckpoint === undefined ? undefined : parseTimestamp(tailCheckpoint);
  if (at === undefined || serverDate === undefined || tailCoveredTo === undefined) return undefined;
  const behindMs = msFromNanos(serverDate) - msFromNanos(at);
  if (at <= tailCoveredTo || behindMs < sweepingMs) return undefined;
  const toSecond = formatTimestamp(at).replace(/\.\d+Z$/, 'Z');
  return `at ${toSecond}, ${duration(behindMs)} behind`;
}

/** With a rare schedule the row is touched more often than the API is asked: the older of the two counts. */
function caughtUpAgeMs(organization: OrganizationOverview, nowMs: number): number {
  const { lastSuccessMs = nowMs, serverDate } = organization;
  const successAgeMs = nowMs - lastSuccessMs;
  const askedAgeMs = serverDate === undefined ? 0 : nowMs - msFromNanos(serverDate);
  return askedAgeMs - successAgeMs > skewMs ? askedAgeMs : successAgeMs;
}
