import type { AuditLog } from './audit-log.ts';
import type { Clock } from './clock.ts';
import { latenessNs } from './growth.ts';
import type { Traps } from './traps.ts';

/** Holds back a third of the newest entries while a trap about late ones is set. */
export function withhold(log: AuditLog, clock: Clock, traps: Traps): void {
  log.reveal();
  const isLate = traps.has('late-entries');
  const isVeryLate = traps.has('very-late-entries');
  if (!isLate && !isVeryLate) return;
  const now = clock.now();
  log.withhold(
    now - (isVeryLate ? latenessNs.veryLate : latenessNs.late),
    isLate ? now : now - latenessNs.overlap,
    traps.share(isLate ? 'late-entries' : 'very-late-entries', 1 / 3),
  );
}
