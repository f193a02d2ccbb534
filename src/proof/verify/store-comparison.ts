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
  /** By number. */
  readonly digests: ReadonlyMap<number, DigestMemory>;
  readonly lastObject: string | undefined;
}

export interface DigestMemory {
  /** SHA-256 of the payload in hex. */
  readonly sha256: string;
  /** Of the key that signed it; undefined: it was made without one. */
  readonly keyId: string | undefined;
}

interface DigestRow {
  readonly organization: string;
  readonly sink: string;
  readonly number: string;
  readonly payload_sha256: Buffer;
  readonly key_id: string | null;
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
const selectDigests = `SELECT organization, sink, number, payload_sha256, key_id FROM ledger.digests
  WHERE confirmed_at IS NOT NULL ORDER BY organization, sink, number`;

const selectKnown = `SELECT DISTINCT key FROM ledger.objects WHERE key = ANY(CAST($1 AS text[]))`;

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
          .map((digest) => [
            Number(digest.number),
            { sha256: digest.payload_sha256.toString('hex'), keyId: digest.key_id ?? undefined },
          ]),
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

/**
 * Objects behind the newest digest that the exporter's store never planned: nobody but somebody else can have put them there.
 * To be asked when the archive was read: an object is planned before it is put.
 */
export async function compareUnsigned(
  { group, walk }: VerifiedArchive,
  ledger: Ledger,
  findings: Findings,
): Promise<void> {
  const { organization } = group;
  if (ledger.ledgerId !== group.identity?.ledgerId) return;
  for (let at = 0; at < walk.pending.length; at += keysAtOnce) {
    const keys = walk.pending.slice(at, at + keysAtOnce);
    const { rows } = await ledger.database.query<{ key: string }>(selectKnown, [keys]);
    const known = new Set(rows.map(({ key }) => key));
    for (const object of keys.filter((key) => !known.has(key))) {
      findings.add({
        code: 'store_differs',
        organization,
        object,
        message: `The object ${object} is listed by no digest yet, and the exporter's store does not know it: somebody else put it there, or the store is older than the archive.`,
      });
    }
  }
}

const keysAtOnce = 1000;

function isSame(known: ArchiveMemory, { group, records }: VerifiedArchive): boolean {
  const sink = records[0]?.payload.sink;
  if (sink !== undefined && sink !== known.sink) return false;
  const id = group.identity?.organization.id;
  const isNamed = group.folders.some(({ organization }) => organization === known.organization);
  return isNamed || (id !== undefined && id !== null && id === known.organizationId);
}

function compareDigests({ group, records }: VerifiedArchive, known: ArchiveMemory, findings: Findings): void {
  const { organization } = group;
  const held = new Map(records.map((record) => [record.file.number, record]));
  const missing = [...known.digests.keys()].filter((number) => !held.has(number));
  if (missing.length > 0) {
    findings.add({
      code: 'store_ahead',
      organization,
      message: `The exporter's store knows ${known.digests.size} digests of ${organization}, up to number ${Math.max(...known.digests.keys())}; of these the archive lacks ${missing.length}, from number ${Math.min(...missing)} on.`,
    });
  }
  for (const [number, { sha256, keyId }] of known.digests) {
    const digest = held.get(number);
    if (digest === undefined) continue;
    const { key } = digest.file;
    const place = { code: 'store_differs', organization, object: key } as const;
    if (digest.sha256 !== sha256) {
      findings.add({
        ...place,
        message: `The digest ${key} is not the one that the exporter made: the payload SHA-256 is ${digest.sha256}, in its store ${sha256}.`,
      });
    } else if (keyId !== undefined && digest.signature.state === 'none') {
      findings.add({
        ...place,
        message: `The digest ${key} is not signed; the exporter's store knows that it was, by the key ${keyId}.`,
      });
    }
  }
}
