/** The words of a digest, out of what the ledger has for it. */
import {
  digestFormatVersion,
  type DigestJournalLine,
  type DigestObject,
  type DigestPayload,
  type DigestReason,
} from '../archive/digest/digest-payload.ts';
import { MerkleRoot } from '../archive/digest/merkle.ts';
import { chainAfter, chainStart } from '../archive/digest/object-chain.ts';
import type { PublicKey } from '../archive/digest/signing-key.ts';
import { ExporterError } from '../errors.ts';
import {
  lineRows,
  type ArchivedObject,
  type DigestMaterial,
  type JournalLine,
} from '../ledger/digest-material.ts';
import { lastUnsignedDigest, type DigestState, type DigestTotals } from '../ledger/digests.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ObjectEvidence } from '../ledger/objects.ts';
import type { Organization } from '../ledger/organizations.ts';
import { findRow } from '../ledger/rows.ts';
import { formatTimestamp, type Nanos } from '../time.ts';
import { idAt } from './attach.ts';

export interface DigestComposition {
  readonly organization: Organization;
  readonly sink: string;
  readonly reason: DigestReason;
  readonly state: DigestState;
  readonly material: DigestMaterial;
  readonly nextKey: PublicKey | undefined;
  readonly isSigned: boolean;
}

export interface ComposedDigest {
  readonly payload: DigestPayload;
  readonly totals: DigestTotals;
}

export async function composeDigest(ledger: Ledger, composition: DigestComposition): Promise<ComposedDigest> {
  const { organization, sink, reason, state, material, nextKey, isSigned } = composition;
  const place = { organization: organization.id, sink };
  const { last } = state;
  const organizationId = organization.cloudId ?? null;
  const start: DigestTotals = last ?? {
    throughSequence: 0,
    objects: 0,
    entries: 0,
    chainSha256: chainStart({ ledgerId: ledger.ledgerId, organizationId, sink }),
  };
  const { objects, totals } = await listObjects(ledger, place, { start, objects: material.objects });
  const payload: DigestPayload = {
    formatVersion: digestFormatVersion,
    organization: { name: organization.name, id: organizationId },
    ledgerId: ledger.ledgerId,
    sink,
    number: (last?.number ?? 0) + 1,
    previous: last === undefined ? null : { number: last.number, sha256: last.payloadSha256.toString('hex') },
    createdAt: formatTimestamp(state.now),
    reason,
    through: {
      sequence: totals.throughSequence,
      objects: totals.objects,
      entries: totals.entries,
      chainSha256: totals.chainSha256.toString('hex'),
    },
    objects,
    journal: material.journal.map(toJournalLine),
    changes: material.changes.map(({ key, sequence, contentSha256, lineSha256, seenAt }) => ({
      entry: key,
      sequence,
      contentSha256: contentSha256.toString('hex'),
      lineSha256: lineSha256.toString('hex'),
      seenAt: formatTimestamp(seenAt),
    })),
    nextKey: nextKey === undefined ? null : { keyId: nextKey.keyId, publicKey: nextKey.pem },
    signedFrom: isSigned ? (await lastUnsignedDigest(ledger, place)) + 1 : null,
  };
  return { payload, totals };
}

interface ArchivePlace {
  readonly organization: number;
  readonly sink: string;
}

async function listObjects(
  ledger: Ledger,
  place: ArchivePlace,
  list: { readonly start: DigestTotals; readonly objects: readonly ArchivedObject[] },
): Promise<{ objects: DigestObject[]; totals: DigestTotals }> {
  const listed: DigestObject[] = [];
  let totals = list.start;
  for (const object of list.objects) {
    const evidence = object.evidence ?? (await gatherEvidence(ledger, place, object));
    const chainSha256 = chainAfter(totals.chainSha256, { ...object, merkleRoot: evidence.merkleRoot });
    listed.push(toDigestObject(object, evidence, chainSha256));
    totals = {
      throughSequence: object.lastSequence,
      objects: totals.objects + 1,
      entries: totals.entries + object.entries,
      chainSha256,
    };
  }
  return { objects: listed, totals };
}

function toDigestObject(object: ArchivedObject, evidence: ObjectEvidence, chainSha256: Buffer): DigestObject {
  return {
    key: object.key,
    firstSequence: object.firstSequence,
    lastSequence: object.lastSequence,
    entries: object.entries,
    rawBytes: object.rawBytes,
    firstCreatedAt: formatTimestamp(evidence.firstCreatedAt),
    lastCreatedAt: formatTimestamp(evidence.lastCreatedAt),
    firstId: evidence.firstId,
    lastId: evidence.lastId,
    contentSha256: object.contentSha256.toString('hex'),
    storedSha256: object.storedSha256.toString('hex'),
    storedBytes: object.storedBytes,
    merkleRoot: evidence.merkleRoot.toString('hex'),
    chainSha256: chainSha256.toString('hex'),
  };
}

/** From the ledger's rows, which stay also where the text was pruned. */
async function gatherEvidence(
  ledger: Ledger,
  place: ArchivePlace,
  { firstSequence, lastSequence, key }: ArchivedObject,
): Promise<ObjectEvidence> {
  const tree = new MerkleRoot();
  const { organization } = place;
  let next = firstSequence;
  let firstCreatedAt: Nanos | undefined;
  let lastCreatedAt: Nanos | undefined;
  for await (const line of lineRows(ledger, { organization, first: firstSequence, last: lastSequence })) {
    if (line.sequence !== next) break;
    tree.add(line.sha256);
    firstCreatedAt ??= line.createdAt;
    lastCreatedAt = line.createdAt;
    next += 1;
  }
  if (next <= lastSequence || firstCreatedAt === undefined || lastCreatedAt === undefined)
    throw rowsMissing(key, next);
  return {
    merkleRoot: tree.root(),
    firstCreatedAt,
    lastCreatedAt,
    firstId: await idOrKey(ledger, place, firstSequence),
    lastId: await idOrKey(ledger, place, lastSequence),
  };
}

/** Where the text is gone, the key stands for the id, as it does towards sinks. */
async function idOrKey(ledger: Ledger, place: ArchivePlace, sequence: number): Promise<string> {
  const at = { ...place, sequence };
  return (await idAt(ledger, at)) ?? (await findRow(ledger, at))?.key ?? '';
}

function toJournalLine({ at, what, sink, detail, actor }: JournalLine): DigestJournalLine {
  return { at: formatTimestamp(at), what, sink: sink ?? null, detail: toDetail(detail), actor };
}

/** The ledger writes objects only; text that somebody put there by hand is shown as what it is. */
function toDetail(text: string): Readonly<Record<string, unknown>> {
  try {
    const detail: unknown = JSON.parse(text);
    if (typeof detail === 'object' && detail !== null && !Array.isArray(detail)) return { ...detail };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { text };
}

function rowsMissing(key: string, sequence: number): ExporterError {
  return new ExporterError(
    `The ledger has no row for entry ${sequence}, which is in the archive's object ${key}: the store was altered. No digest was made.`,
    { kind: 'store', code: 'row_missing' },
  );
}
