import type { AuditLog } from './audit-log.ts';
import type { Clock } from './clock.ts';
import type { RecordAction } from './clusters.ts';
import { jsonText, type JsonValue } from './json-text.ts';

/** Adds an entry to the log for a change made through the API. Callers leave secrets out of the payload. */
export function recorder(log: AuditLog, clock: Clock): RecordAction {
  return (action, cluster, payload) => {
    log.addWith(log.timeForNew(clock.now()), {
      source: 'AUDIT_LOG_SOURCE_CC_API',
      user_email: '',
      service_account_name: 'sandbox',
      cluster_id: cluster.id,
      cluster_name: cluster.name,
      action: `AUDIT_LOG_ACTION_${action}`,
      // The payloads are plain objects of texts and numbers, which the types of a request body do not say.
      payload: jsonText(payload as JsonValue, true),
    });
  };
}
