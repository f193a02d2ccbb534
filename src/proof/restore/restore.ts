/**
 * Rebuilding a ledger from an archive, or bringing an older state of it forward.
 *
 *     the whole archive verified ──▶ store marked ──▶ objects and digests in the order they were written ──▶ ledger id set
 *            │ a finding: nothing is touched        │ a finding: what was written is taken back
 *            ▼                                      ▼ interrupted: run again, it goes on
 *
 * Sequences, hashes, objects, digests and the archive sink's offset come back. Positions at the API do not: nothing counts as
 * read, so the next run reads everything once and the ids drop what is here. Other sinks begin anew and absorb repeats.
 */
import type { PublicKey } from '../../archive/digest/signing-key.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { RestoreMark } from '../../ledger/restore-mark.ts';
import type { Logger } from '../../logger.ts';
import { announceStep } from '../../steps.ts';
import { nanos, type Nanos } from '../../time.ts';
import type { Finding, FindingCode } from '../verify/findings.ts';
import { verifyArchive, type VerifiedArchive } from '../verify/verify-archive.ts';
import { checkEnd } from './archive-end.ts';
import { otherSink, severalLedgers } from './refusals.ts';
import { Restoring } from './restoring.ts';

export interface RestoreOptions {
  /** As `openForRestore` gave it. */
  readonly ledger: Ledger;
  /** What an unfinished restore left behind. */
  readonly mark: RestoreMark | undefined;
  readonly store: ObjectStore;
  /** The sink whose archive this is, as it goes on afterwards. */
  readonly sink: { readonly name: string; readonly type: string; readonly fingerprint: string };
  /** The public keys that are trusted; none: signatures are not asked for, unless there are some. */
  readonly keys: readonly PublicKey[];
  /** Goes on where an archive, or a part of it, is not signed, or nobody can tell by whom. */
  readonly allowUnsigned: boolean;
  /** Takes entries that no digest lists yet, although a key is known; `allowUnsigned` does so too. */
  readonly allowUnsignedEnd: boolean;
  /** Payload SHA-256 of the newest digest of each archive, as it was witnessed elsewhere; none: not asked for. */
  readonly heads: readonly string[];
  /** Names of organizations, all that it had; undefined: all. */
  readonly organizations: readonly string[] | undefined;
  /** The configured organizations, and where each starts. */
  readonly configured: ReadonlyMap<string, Nanos | undefined>;
  readonly version: string;
  readonly onProgress: (progress: RestoreProgress) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface RestoreProgress {
  /** Each counts twice: when it is verified, and when it is restored. */
  readonly entries: number;
  /** 0 to 1; reading the archive to verify it is the first half. */
  readonly fraction: number | undefined;
}

export interface RestoredOrganization {
  readonly organization: string;
  /** The vendor's id; undefined where the archive does not know it. */
  readonly cloudId: string | undefined;
  /** Entries that were put into the ledger, and those that it held already. */
  readonly restored: number;
  readonly held: number;
  readonly head: number;
  readonly objects: number;
  readonly digests: number;
  /** Entries that came after the newest digest, or all where there is none. */
  readonly notYetSigned: number;
}

export type RestoreResult =
  | {
      readonly outcome: 'restored';
      readonly ledgerId: string;
      readonly organizations: readonly RestoredOrganization[];
    }
  /** The archive is not what it should be; nothing was written. */
  | { readonly outcome: 'refused'; readonly findings: readonly Finding[] };

/** How old the newest digest is does not matter: whoever should have made the next one is lost. */
const agedCodes: readonly FindingCode[] = ['newest_digest_stale', 'digests_end_early'];
const unsignedCodes: readonly FindingCode[] = [
  'no_digests',
  'archive_unsigned',
  'digest_unsigned',
  'end_unsigned',
];
/** There are, or were, signatures: nobody goes on without them by accident. */
const lostSignatureCodes: readonly FindingCode[] = ['key_not_given', 'signature_removed'];

/**
 * Throws a UsageError for a store that this archive can't go into, an ExporterError of kind `held` while another process
 * works on it, of kind `findings` where archive and store do not fit; then, too, the store is as it was before.
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const archives: VerifiedArchive[] = [];
  const report = await verifyArchive({
    store: options.store,
    hasVersions: false,
    keys: options.keys,
    allowUnsigned: options.allowUnsigned,
    organizations: options.organizations,
    to: nanos(0n),
    heads: options.heads,
    version: options.version,
    now: Date.now,
    compare: async (archive, found) => {
      archives.push(archive);
      checkEnd(archive, { heads: options.heads, findings: found });
    },
    onProgress: ({ entries, storedBytes, storedBytesTotal }) =>
      options.onProgress({
        entries,
        fraction: storedBytesTotal === 0 ? undefined : storedBytes / storedBytesTotal / 2,
      }),
    signal: options.signal,
  });
  const findings = report.findings.filter(({ code }) => !isAccepted(code, options));
  if (findings.length > 0) return { outcome: 'refused', findings };
  announceStep('archive-verified');
  const ledgerId = ledgerOf(archives);
  for (const { records } of archives) {
    const named = records[0]?.payload.sink;
    if (named !== undefined && named !== options.sink.name) throw otherSink(named, options.sink.name);
  }
  return await new Restoring(options, ledgerId).run(archives);
}

/** Without a key there is nothing to check signatures with: an archive that has none is then taken as it is. */
function isAccepted(code: FindingCode, { keys, allowUnsigned, allowUnsignedEnd }: RestoreOptions): boolean {
  if (agedCodes.includes(code)) return true;
  if (code === 'end_unsigned' && allowUnsignedEnd) return true;
  if (unsignedCodes.includes(code)) return allowUnsigned || keys.length === 0;
  return lostSignatureCodes.includes(code) && allowUnsigned;
}

function ledgerOf(archives: readonly VerifiedArchive[]): string {
  const ledgers = [...new Set(archives.map(({ group }) => group.identity?.ledgerId ?? ''))];
  const [ledgerId] = ledgers;
  if (ledgerId === undefined || ledgers.length > 1) throw severalLedgers(ledgers);
  return ledgerId;
}
