/** What `verify` says in the end. As JSON its shape only grows. */
import type { Finding, FindingCode, VerifyNote } from './findings.ts';

export interface VerifyReport {
  readonly formatVersion: 1;
  /** `failed`: there is at least one finding. */
  readonly verdict: 'verified' | 'failed';
  /** Where the archive lies: the directory, or `s3://bucket/prefix`. */
  readonly source: string;
  /** RFC 3339, UTC. */
  readonly checkedAt: string;
  readonly program: { readonly name: string; readonly version: string };
  /** The ids of the keys that were trusted from the start. */
  readonly trustedKeys: readonly string[];
  readonly organizations: readonly OrganizationReport[];
  /** The first of each kind; `findingCounts` has them all. */
  readonly findings: readonly Finding[];
  readonly findingCounts: Readonly<Partial<Record<FindingCode, number>>>;
  readonly notes: readonly VerifyNote[];
  /** Sentences. Empty where something was found. */
  readonly proved: readonly string[];
  readonly notProved: readonly string[];
}

export interface OrganizationReport {
  readonly name: string;
  /** Null where the archive does not know it. */
  readonly id: string | null;
  readonly ledgerId: string | null;
  /** The name of the sink that wrote the archive; null without digests. */
  readonly sink: string | null;
  readonly objects: number;
  readonly entries: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  /** Null where there is no entry. */
  readonly range: EntryRange | null;
  readonly digests: DigestsReport;
  /** In the order in which they signed. */
  readonly keys: readonly KeyReport[];
  /** What came after the newest digest. */
  readonly notYetSigned: { readonly objects: number; readonly entries: number };
  /** In the order of days. */
  readonly days: readonly DayReport[];
}

export interface EntryRange {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** RFC 3339, UTC, of the first and last day that has entries. */
  readonly firstDay: string;
  readonly lastDay: string;
}

export interface DigestsReport {
  readonly count: number;
  readonly signed: number;
  readonly first: DigestMention | null;
  readonly newest: DigestMention | null;
  /** The newest, in the order of numbers; at most 50. */
  readonly listed: readonly DigestListed[];
}

export interface DigestListed extends DigestMention {
  readonly reason: string;
  /** How many objects it lists. */
  readonly objects: number;
  /** The last sequence that it or one before it lists. */
  readonly throughSequence: number;
}

export interface DigestMention {
  readonly number: number;
  readonly createdAt: string;
  /** Of the payload: what logs show and `--head` takes. */
  readonly sha256: string;
  readonly keyId: string | null;
}

export interface KeyReport {
  readonly keyId: string;
  readonly firstDigest: number;
  readonly lastDigest: number;
  /** Whether its signatures were checked. */
  readonly isChecked: boolean;
}

export interface DayReport {
  readonly day: string;
  readonly objects: number;
  readonly entries: number;
}
