/**
 * The archive against the exporter's store, which remembers every digest and object that it confirmed: this shows what was
 * removed from the archive's end, which the archive alone can't. The store is read before the archive, so that what a
 * running exporter adds meanwhile is no difference.
 */
import type { Ledger } from '../../ledger/ledger.ts';
import type { Findings } from './findings.ts';
import type { VerifiedArchive } from './verify-archive.ts';

export interface StoreMemory {
  readonly ledgerId: string;
  readonly archives: readonly ArchiveMemory[];
}

/** What the store knows of one organization's archive in one sink. */
export interface ArchiveMemory {
  readonly organization: string;
  readonly organizationId: string | undefined;
  readonly sink: string;
  /** SHA-256 of the payloads in hex, by number. */
  readonly digests: ReadonlyMap<number, string>;
  readonly lastObject: string | undefined;
}

interface DigestRow {
  readonly organization: string;
  readonly sink: string;
  readonly number: string;
  readonly payload_sha256: Buffer;
}

interface ArchiveRow {
  readonly organization: string;
  readonly name: string;
  readonly cloud_id: string | null;
  readonly sink: string;
  readonly last_object: string | null;
}

const selectArchives = `SELECT d.organization, o.name, o.cloud_id, d.sink,
    (SELECT b.key FROM ledger.objects b WHERE b.organization = d.organization AND b.sink = d.sink
      AND b.confirmed_at IS NOT NULL ORDER BY b.first_sequence DESC LIMIT 1) AS last_object
  FROM ledger.deliveries d JOIN ledger.organizations o ON o.id = d.organization`;
const selectDigests = `SELECT organization, sink, number, payload_sha256 FROM ledger.digests
  WHERE confirmed_at IS NOT NULL ORDER BY organization, sink, number`;

export async function readStoreMemory(ledger: Ledger): Promise<StoreMemory> {
  const archives = await ledger.database.query<ArchiveRow>(selectArchives);
  const digests = await ledger.database.query<DigestRow>(selectDigests);
  return {
    ledgerId: ledger.ledgerId,
    archives: archives.rows.map((archive) => ({
      organization: archive.name,
      organizationId: archive.cloud_id ?? undefined,
      sink: archive.sink,
      lastObject: archive.last_object ?? undefined,
      digests: new Map(
        digests.rows
          .filter(({ organization, sink }) => organization === archive.organization && sink === archive.sink)
          .map((digest) => [Number(digest.number), digest.payload_sha256.toString('hex')]),
      ),
    })),
  };
}

export function compareWithStore(archive: VerifiedArchive, memory: StoreMemory, findings: Findings): void {
  const { group, records } = archive;
  const { organization } = group;
  const [first] = records;
  const ledgerId = group.identity?.ledgerId ?? first?.payload.ledgerId;
  if (ledgerId !== memory.ledgerId) {
    findings.add({
      code: 'store_differs',
      organization,
      message: `The archive of ${organization} belongs to the ledger ${ledgerId ?? 'unknown'}; the exporter's store is ${memory.ledgerId}. Compare it with its own.`,
    });
    return;
  }
  const known = memory.archives.find((candidate) => isSame(candidate, archive));
  if (known === undefined) {
    findings.add({
      code: 'store_differs',
      organization,
      message: `The exporter's store knows no archive of ${organization}${first === undefined ? '' : ` by the sink ${first.payload.sink}`}.`,
    });
    return;
  }
  compareDigests(archive, known, findings);
  const { lastObject } = known;
  if (lastObject === undefined || archive.walk.has(lastObject)) return;
  findings.add({
    code: 'store_ahead',
    organization,
    object: lastObject,
    message: `The exporter's store knows the object ${lastObject}, and the archive does not hold it.`,
  });
}

function isSame(known: ArchiveMemory, { group, records }: VerifiedArchive): boolean {
  const sink = records[0]?.payload.sink;
  if (sink !== undefined && sink !== known.sink) return false;
  const id = group.identity?.organization.id;
  const isNamed = group.folders.some(({ organization }) => organization === known.organization);
  return isNamed || (id !== undefined && id !== null && id === known.organizationId);
}

function compareDigests({ group, records }: VerifiedArchive, known: ArchiveMemory, findings: Findings): void {
  const { organization } = group;
  const held = new Map(records.map(({ file, sha256 }) => [file.number, { sha256, key: file.key }]));
  const missing = [...known.digests.keys()].filter((number) => !held.has(number));
  if (missing.length > 0) {
    findings.add({
      code: 'store_ahead',
      organization,
      message: `The exporter's store knows ${known.digests.size} digests of ${organization}, up to number ${Math.max(...known.digests.keys())}; of these the archive lacks ${missing.length}, from number ${Math.min(...missing)} on.`,
    });
  }
  for (const [number, sha256] of known.digests) {
    const digest = held.get(number);
    if (digest === undefined || digest.sha256 === sha256) continue;
    findings.add({
      code: 'store_differs',
      organization,
      object: digest.key,
      message: `The digest ${digest.key} is not the one that the exporter made: the payload SHA-256 is ${digest.sha256}, in its store ${sha256}.`,
    });
  }
}
