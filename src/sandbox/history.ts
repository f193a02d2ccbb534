import { nanos } from '../time.ts';
import { auditPayloadForm } from './audit-log-page.ts';
import { AuditLog } from './audit-log.ts';
import type { Clock } from './clock.ts';
import { createEntryWriter, protoTimestamp } from './entry-writer.ts';
import { createCast, createOrganization, type Cast, type SandboxOrganization } from './organization.ts';
import type { SandboxOptions } from './sandbox.ts';
import { createTimeline } from './timeline.ts';
import type { Traps } from './traps.ts';
import { newestVersion } from './versions.ts';
import { withhold } from './withhold.ts';

const day = 86_400_000_000_000n;
const cacheBytes = 128 * 1_024 * 1_024;

/** The seeded organization and its log, as the options and the traps at the start shape them. */
export function createHistory(
  options: SandboxOptions,
  clock: Clock,
  traps: Traps,
): { readonly log: AuditLog; readonly organization: SandboxOrganization; readonly cast: Cast } {
  const seed = options.seed ?? 1;
  const to = clock.now() - 1_000_000_000n;
  const from = to - BigInt(Math.ceil((options.historyDays ?? 400) * 86_400)) * 1_000_000_000n;
  const organization = createOrganization(seed, protoTimestamp(nanos(from - day)), options.organization);
  const times = createTimeline({
    seed,
    entries: options.entries ?? 1_000,
    from,
    to,
    bigTies: traps.has('big-ties'),
    isFine: traps.has('nanoseconds'),
    ...(options.shape === undefined ? {} : { shape: options.shape }),
  });
  const cast = createCast(seed);
  const writer = createEntryWriter(seed, cast, {
    offsetTimestamps: traps.has('offset-timestamps'),
    plainIds: traps.has('non-uuid-ids'),
    missingIds: traps.has('no-id'),
    missingTimes: traps.has('no-created-at'),
    entryBytes: options.entryBytes ?? 0,
  });
  const log = new AuditLog(times, writer, options.prebuild === true ? Number.POSITIVE_INFINITY : cacheBytes);
  if (options.prebuild === true) log.prebuild(auditPayloadForm(traps, newestVersion));
  withhold(log, clock, traps);
  return { log, organization, cast };
}
