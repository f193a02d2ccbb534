/** How reading an organization goes, kept in its row so that `status` in another process can tell. */
import type { Lease } from './leases.ts';
import type { Ledger } from './ledger.ts';

const noteSuccess = `UPDATE ledger.organizations
  SET last_success_at = now(), failing_since = NULL, failure = NULL, failure_code = NULL, is_stopped = false
  WHERE id = $1 AND lease_epoch = $2`;
const noteFailure = `UPDATE ledger.organizations
  SET failing_since = coalesce(failing_since, now()), failure_code = $3, failure = $4, is_stopped = $5
  WHERE id = $1 AND lease_epoch = $2`;

export async function noteReadSuccess(ledger: Ledger, lease: Lease): Promise<void> {
  await ledger.database.query(noteSuccess, [lease.target.organization, lease.epoch]);
}

export async function noteReadFailure(
  ledger: Ledger,
  lease: Lease,
  failure: { readonly code: string; readonly sentence: string; readonly isStopped: boolean },
): Promise<void> {
  await ledger.database.query(noteFailure, [
    lease.target.organization,
    lease.epoch,
    failure.code,
    failure.sentence,
    failure.isStopped,
  ]);
}
