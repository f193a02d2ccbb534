import { createHash } from 'node:crypto';
import { UsageError } from '../errors.ts';
import { formatTimestamp, type Nanos } from '../time.ts';
import { auditPayloadForm, type AuditLogEndpoint } from './audit-log-page.ts';
import { describeRaw, type AuditLog, type TruthEntry } from './audit-log.ts';
import type { Clock } from './clock.ts';
import type { RequestLog } from './request-record.ts';
import type { NewEntry, Sandbox } from './sandbox.ts';
import type { KeyState } from './server.ts';
import type { Traps } from './traps.ts';
import { newestVersion } from './versions.ts';
import { withhold } from './withhold.ts';

/** What a test can do to a sandbox, in its own process or through the control endpoint. */
export type SandboxControl = Pick<
  Sandbox,
  'truth' | 'truthLines' | 'append' | 'change' | 'setTraps' | 'revokeKey' | 'restoreKey' | 'advance'
> & {
  requests(): Sandbox['requests'];
  counters(): Sandbox['counters'];
};

export interface ControlParts {
  readonly log: AuditLog;
  readonly clock: Clock;
  readonly traps: Traps;
  readonly key: KeyState;
  readonly requests: RequestLog;
  readonly auditLog: AuditLogEndpoint;
}

export function createControl({ log, clock, traps, key, requests, auditLog }: ControlParts): SandboxControl {
  const truth = (): Iterable<TruthEntry> => log.truth(auditPayloadForm(traps, newestVersion));
  return {
    truth: () => [...truth()],
    *truthLines() {
      for (const entry of truth()) yield truthLine(entry);
    },
    append: (entries) => entries.map((entry) => append(log, clock, entry)),
    change: (id, mutate) => {
      if (!log.change(id, mutate)) throw new UsageError(`The sandbox has no entry "${id}".`);
    },
    setTraps: (names) => {
      traps.set(names, true);
      withhold(log, clock, traps);
    },
    revokeKey: () => {
      key.isRevoked = true;
    },
    restoreKey: () => {
      key.isRevoked = false;
    },
    advance: (ms) => clock.advance(ms),
    requests: () => requests.records,
    counters: () => ({ ...auditLog.counters, requests: requests.total, byStatus: requests.byStatus }),
  };
}

/** One entry of the truth as a line for a checker in another process. */
function truthLine(entry: TruthEntry): Buffer {
  return Buffer.from(
    `${JSON.stringify({
      id: entry.id,
      created_at: formatTimestamp(entry.createdAt as Nanos),
      sha256: createHash('sha256').update(entry.raw).digest('hex'),
      bytes: entry.raw.length,
      late: entry.late === true,
    })}\n`,
  );
}

function append(log: AuditLog, clock: Clock, entry: NewEntry): TruthEntry {
  if (entry.raw !== undefined) {
    const raw = Buffer.from(entry.raw);
    const described = describeRaw(raw);
    const createdAt = entry.createdAt ?? described.createdAt ?? clock.now();
    return log.add(createdAt, { id: described.id, raw });
  }
  const createdAt = entry.createdAt ?? log.timeForNew(clock.now());
  return entry.fields === undefined ? log.add(createdAt) : log.addWith(createdAt, entry.fields);
}
