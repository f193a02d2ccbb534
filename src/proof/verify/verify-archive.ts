/**
 * Verifies an archive: a directory, a bucket, or a copy of either.
 *
 *     list names ─▶ archive.json ─▶ digests: numbers, hashes, signatures
 *                                     └▶ once more, with what they list ─▶ objects, a few at a time
 *     names that no digest lists ─▶ not yet signed, or not ours
 *     ids of all entries ─▶ doubles        versions, locks, freshness, witnesses
 *
 * Memory holds the names of the objects, the digests without their lists, and a few objects; never the archive.
 */
import { setMaxListeners } from 'node:events';
import type { PublicKey } from '../../archive/digest/signing-key.ts';
import { identityKey } from '../../archive/layout.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import { formatTimestamp, nanosFromMs, parseTimestamp, type Nanos } from '../../time.ts';
import { groupFolders, digestFiles, type ArchiveGroup } from './archive-group.ts';
import { listArchive, type ArchiveListing } from './archive-listing.ts';
import { readChain, type DigestRecord } from './digest-chain.ts';
import { DoubleIds } from './double-ids.ts';
import { Findings } from './findings.ts';
import { checkLock, checkVersions, type LockExpectation } from './kept-objects.ts';
import { withinBytes } from './in-flight.ts';
import { ObjectWalk, type ObjectJob } from './object-walk.ts';
import { checkObject } from './object-check.ts';
import { organizationReport, notProvedSentences, provedSentences } from './report-parts.ts';
import type { OrganizationReport, VerifyReport } from './report.ts';

export interface VerifyOptions {
  readonly store: ObjectStore;
  /** Whether the store keeps versions of an object. */
  readonly hasVersions: boolean;
  /** Trusted from the start. */
  readonly keys: readonly PublicKey[];
  readonly allowUnsigned: boolean;
  /** Names of organizations; undefined: all that are there. */
  readonly organizations?: readonly string[] | undefined;
  /** Names that the configuration sends here; undefined: nobody knows. Looked at where all that is there is verified. */
  readonly configured?: readonly string[] | undefined;
  /** The name of the sink that writes here, as the configuration has it; undefined: nobody knows. */
  readonly sink?: string | undefined;
  /** The digests must reach this time; undefined: they must be fresh. */
  readonly to?: Nanos | undefined;
  /** SHA-256 of payloads that must be in a chain. */
  readonly heads?: readonly string[] | undefined;
  readonly lock?: LockExpectation | undefined;
  readonly version: string;
  readonly now: () => number;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
  /** What else is to be compared with each archive, such as the exporter's store. */
  readonly compare?: ((archive: VerifiedArchive, findings: Findings) => Promise<void>) | undefined;
  readonly idMemoryBytesMax?: number | undefined;
  readonly signal: AbortSignal;
}

export interface VerifyProgress {
  readonly entries: number;
  readonly storedBytes: number;
  readonly storedBytesTotal: number;
}

/** What is known of one organization's archive when all of it was read. */
export interface VerifiedArchive {
  readonly group: ArchiveGroup;
  readonly records: readonly DigestRecord[];
  readonly walk: ObjectWalk;
}

const objectsInFlight = 8;
const bytesInFlight = 128 * 1024 * 1024;
/** A digest is made at least every day; two hours are for what may be in between. */
const freshMs = 26 * 3600 * 1000;

export async function verifyArchive(options: VerifyOptions): Promise<VerifyReport> {
  // Each request in flight listens once or twice; there are as many as are allowed, and they take their listeners away.
  setMaxListeners(0, options.signal);
  const findings = new Findings();
  const { store, signal, organizations: only } = options;
  const listing = await listArchive({ store, findings, only, signal });
  const reports: OrganizationReport[] = [];
  const shas = new Set<string>();
  const progress = createProgress(listing, options.onProgress);
  if (listing.folders.length === 0) reportNothing(listing, options, findings);
  else reportMissing(listing, options, findings);
  for (const group of await groupFolders(listing.folders, { store, findings, signal })) {
    const archive = await verifyGroup(group, options, { findings, progress });
    for (const { sha256 } of archive.records) shas.add(sha256);
    await options.compare?.(archive, findings);
    reports.push(organizationReport(archive, new Set(options.keys.map(({ keyId }) => keyId))));
  }
  const areVersionsChecked = options.hasVersions && (await checkVersions({ store, findings, only, signal }));
  checkHeads(options, shas, findings);
  return finish({ ...options, areVersionsChecked }, findings, reports);
}

interface GroupTools {
  readonly findings: Findings;
  readonly progress: (storedBytes: number, entries: number) => void;
}

async function verifyGroup(
  group: ArchiveGroup,
  options: VerifyOptions,
  { findings, progress }: GroupTools,
): Promise<VerifiedArchive> {
  const { store, signal } = options;
  const { organization, identity } = group;
  const files = digestFiles(group);
  const chain = { store, findings, signal, organization, identity };
  const { keys, allowUnsigned, lock, sink } = options;
  const records = await readChain(files, { ...chain, keys, allowUnsigned, sink });
  checkFreshness(records, options, { organization, findings });
  const ids = new DoubleIds({ memoryBytesMax: options.idMemoryBytesMax });
  const walk = new ObjectWalk({ group, records, store, findings, signal });
  try {
    const check = async (job: ObjectJob): Promise<void> => {
      const context = { store, findings, signal, ids: job.isOwn ? ids : undefined };
      const seen = await checkObject(job, context);
      if (lock !== undefined) await checkLock(job, lock, context);
      walk.seen(job, seen);
      progress(job.storedBytes, seen?.entries ?? 0);
    };
    await withinBytes(walk.jobs(), check, { count: objectsInFlight, bytesMax: bytesInFlight, signal });
    walk.end();
    for await (const double of ids.doubles()) walk.double(double);
  } finally {
    await ids.close();
  }
  if (lock !== undefined) {
    const identities = group.folders.map((folder) => ({
      organization: folder.organization,
      key: identityKey(folder.organization),
    }));
    for (const file of [...files, ...identities]) await checkLock(file, lock, { store, findings, signal });
  }
  return { group, records, walk };
}

function createProgress(
  listing: ArchiveListing,
  report: VerifyOptions['onProgress'],
): GroupTools['progress'] {
  const sizes = listing.folders.flatMap((folder) => [...folder.entries.values()]);
  const storedBytesTotal = sizes.reduce((sum, size) => sum + size, 0);
  let [storedBytes, entries] = [0, 0];
  return (moreBytes, moreEntries) => {
    storedBytes += moreBytes;
    entries += moreEntries;
    report?.({ entries, storedBytes, storedBytesTotal });
  };
}

function reportNothing(listing: ArchiveListing, options: VerifyOptions, findings: Findings): void {
  const wanted =
    options.organizations === undefined ? '' : ` of ${options.organizations.map((name) => name).join(', ')}`;
  findings.add({
    code: 'nothing_found',
    message: listing.isInsideOrganization
      ? `There is no archive in ${options.store.location}: this looks like the folder of one organization. Give the folder above it.`
      : `There is no archive${wanted} in ${options.store.location}. Nothing was verified.`,
  });
}

/** An organization that was asked for by name and is gone must not pass because others are there. */
function reportMissing(listing: ArchiveListing, options: VerifyOptions, findings: Findings): void {
  for (const name of options.organizations ?? []) {
    if (listing.folders.some(({ organization }) => organization === name)) continue;
    findings.add({
      code: 'nothing_found',
      organization: name,
      message: `There is no archive of ${name} in ${options.store.location}. Of it nothing was verified.`,
    });
  }
  if (options.organizations !== undefined) return;
  for (const name of options.configured ?? []) {
    if (listing.folders.some(({ organization }) => organization === name)) continue;
    findings.add({
      code: 'organization_missing',
      organization: name,
      message: `The configuration sends ${name} to ${options.store.location}, which holds nothing of it: its folder was removed, or no run with it has begun yet.`,
    });
  }
}

function checkFreshness(
  records: readonly DigestRecord[],
  options: VerifyOptions,
  { organization, findings }: { readonly organization: string; readonly findings: Findings },
): void {
  const newest = records.at(-1);
  const madeAt = newest === undefined ? undefined : parseTimestamp(newest.payload.createdAt);
  if (newest === undefined || madeAt === undefined) return;
  const object = newest.file.key;
  if (options.to !== undefined) {
    if (madeAt >= options.to) return;
    findings.add({
      code: 'digests_end_early',
      organization,
      object,
      message: `The newest digest of ${organization}, ${object}, was made at ${newest.payload.createdAt}; digests up to ${formatTimestamp(options.to)} were demanded.`,
    });
    return;
  }
  const now = nanosFromMs(options.now());
  if (now - madeAt <= BigInt(freshMs) * 1_000_000n) return;
  findings.add({
    code: 'newest_digest_stale',
    organization,
    object,
    message:
      `The newest digest of ${organization}, ${object}, was made at ${newest.payload.createdAt}, more than 26 hours ago: the exporter does not run, ` +
      `or newer digests were removed. For an older copy, say up to when it must reach with --to.`,
  });
}

function checkHeads({ heads = [] }: VerifyOptions, shas: ReadonlySet<string>, findings: Findings): void {
  for (const head of heads.filter((sha256) => !shas.has(sha256))) {
    findings.add({
      code: 'head_unknown',
      message: `No digest has the payload SHA-256 ${head}, which was witnessed elsewhere: digests were removed, or made anew.`,
    });
  }
}

function finish(
  options: VerifyOptions & { readonly areVersionsChecked: boolean },
  findings: Findings,
  organizations: readonly OrganizationReport[],
): VerifyReport {
  const hasFindings = findings.total > 0;
  return {
    formatVersion: 1,
    verdict: hasFindings ? 'failed' : 'verified',
    source: options.store.location,
    checkedAt: formatTimestamp(nanosFromMs(options.now())),
    program: { name: 'ccloud-audit-export', version: options.version },
    trustedKeys: options.keys.map(({ keyId }) => keyId),
    organizations,
    findings: findings.kept,
    findingCounts: Object.fromEntries(findings.counts),
    notes: findings.notes,
    proved: hasFindings ? [] : provedSentences(organizations, options),
    notProved: notProvedSentences(organizations, options),
  };
}
