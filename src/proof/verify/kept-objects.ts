/** What the store tells about keeping: earlier versions, delete markers, Object Lock. */
import { parseArchiveKey } from '../../archive/layout.ts';
import type { ObjectHead, ObjectStore, ObjectVersionListed } from '../../archive/object-store.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import type { Findings } from './findings.ts';
import { unreadableObject } from './unreadable.ts';

export interface KeepingContext {
  readonly store: ObjectStore;
  readonly findings: Findings;
  /** Names of organizations; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

/** Reports every key of the archive that was replaced or deleted, as far as the store remembers it. Resolves to whether it could be asked. */
export async function checkVersions(context: KeepingContext): Promise<boolean> {
  let same: ObjectVersionListed[] = [];
  try {
    for await (const version of context.store.listVersions('', { signal: context.signal })) {
      if (same[0] !== undefined && same[0].key !== version.key) {
        reportVersions(same, context);
        same = [];
      }
      // A key that was replaced again and again is reported once; its history is not needed.
      if (same.length < 100) same.push(version);
    }
    reportVersions(same, context);
    return true;
  } catch (error) {
    if (!(error instanceof SinkError) || error.retryable) throw error;
    context.findings.note({
      code: 'versions_not_checked',
      message: `Whether objects were replaced or deleted was not checked: ${error.message}`,
    });
    return false;
  }
}

function reportVersions(versions: readonly ObjectVersionListed[], { findings, only }: KeepingContext): void {
  const [newest] = versions;
  const parsed = newest === undefined ? undefined : parseArchiveKey(newest.key);
  if (newest === undefined || parsed === undefined) return;
  if (only !== undefined && !only.includes(parsed.organization)) return;
  const place = { organization: parsed.organization, object: newest.key };
  const markers = versions.filter(({ isDeleteMarker }) => isDeleteMarker).length;
  const kept = versions.length - markers;
  if (markers > 0) {
    findings.add({
      code: 'object_deleted',
      ...place,
      message: newest.isDeleteMarker
        ? `The object ${newest.key} was deleted: the newest of its versions is a delete marker; ${kept} earlier ${kept === 1 ? 'one is' : 'ones are'} still there.`
        : `The object ${newest.key} was deleted and put again: it has a delete marker among its versions.`,
    });
  }
  if (kept > 1) {
    findings.add({
      code: 'object_versions',
      ...place,
      message: `The object ${newest.key} has ${kept} versions: it was replaced. The archive never does that; compare them.`,
    });
  }
}

/** What every object of the archive must be protected by. */
export interface LockExpectation {
  /** Undefined: either. COMPLIANCE is enough where GOVERNANCE was asked for. */
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE' | undefined;
  /** How long after the put. Undefined: any. */
  readonly retentionMs: number | undefined;
  readonly hasLegalHold: boolean;
  /** Whether a retention mode is expected at all. */
  readonly hasRetention: boolean;
}

/** The clocks of the exporter and of the store differ a little. */
const clockSlackMs = 10 * 60 * 1000;

export async function checkLock(
  object: { readonly organization: string; readonly key: string },
  expected: LockExpectation,
  context: Pick<KeepingContext, 'store' | 'findings' | 'signal'>,
): Promise<void> {
  const place = { organization: object.organization, object: object.key };
  const head = await headOf(object.key, { ...context, ...place });
  // A missing object is somebody else's finding.
  if (head === undefined) return;
  if (expected.hasLegalHold && head.hasLegalHold !== true) {
    context.findings.add({
      code: 'legal_hold_missing',
      ...place,
      message: `The object ${object.key} has no legal hold, or the credentials may not see it (s3:GetObjectLegalHold).`,
    });
  }
  if (expected.hasRetention) checkRetention(head, expected, { ...context, ...place });
}

async function headOf(
  key: string,
  place: Pick<KeepingContext, 'store' | 'findings' | 'signal'> & {
    readonly organization: string;
    readonly object: string;
  },
): Promise<ObjectHead | undefined> {
  const { store, findings, signal, organization, object } = place;
  try {
    return await store.head(key, { signal });
  } catch (error) {
    const why = unreadableObject(error);
    if (why === undefined) throw error;
    findings.add({
      code: 'object_lock_missing',
      organization,
      object,
      message: `The Object Lock of ${key} can't be looked at: ${why}`,
    });
    return undefined;
  }
}

function checkRetention(
  head: ObjectHead,
  expected: LockExpectation,
  place: { readonly findings: Findings; readonly organization: string; readonly object: string },
): void {
  const { findings, organization, object } = place;
  const isWeaker = expected.mode === 'COMPLIANCE' && head.lock?.mode !== 'COMPLIANCE';
  if (head.lock === undefined || isWeaker) {
    const found =
      head.lock === undefined
        ? 'has no Object Lock, or the credentials may not see it (s3:GetObjectRetention)'
        : `is locked in the mode ${head.lock.mode}, not ${expected.mode ?? ''}`;
    findings.add({
      code: 'object_lock_missing',
      organization,
      object,
      message: `The object ${object} ${found}.`,
    });
    return;
  }
  if (expected.retentionMs === undefined || head.putAtMs === undefined) return;
  if (head.lock.untilMs >= head.putAtMs + expected.retentionMs - clockSlackMs) return;
  findings.add({
    code: 'object_lock_short',
    organization,
    object,
    message: `The object ${object} is locked until ${new Date(head.lock.untilMs).toISOString()}, less than the configured retention after it was put (${new Date(head.putAtMs).toISOString()}).`,
  });
}
