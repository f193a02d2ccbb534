/** Looks for one entry in an archive and makes the proof that it is there. */
import { createHash } from 'node:crypto';
import type { DigestObject } from '../../archive/digest/digest-payload.ts';
import type { Envelope } from '../../archive/digest/envelope.ts';
import { inclusionProof } from '../../archive/digest/merkle.ts';
import { GzipMemberError, readGzipMember } from '../../archive/gzip-member.ts';
import { parseArchiveKey } from '../../archive/layout.ts';
import type { ObjectStore, StoredObject } from '../../archive/object-store.ts';
import { digestFiles, groupFolders } from './archive-group.ts';
import { listArchive } from './archive-listing.ts';
import { readDigests, type DigestRead } from './digest-reading.ts';
import { entryProofKind, type EntryProof } from './entry-proof.ts';
import { Findings, type FindingCode } from './findings.ts';
import { LineCutter } from './lines.ts';
import { unreadableObject } from './unreadable.ts';

export interface FindEntryOptions {
  readonly store: ObjectStore;
  readonly id: string;
  readonly organizations: readonly string[] | undefined;
  /** Told, in a sentence, of what may hold the entry and could not be read. */
  readonly onUnreadable: (what: string) => void;
  readonly signal: AbortSignal;
}

const objectBytesMax = 1024 ** 3;

/** Looks through the objects that digests list; undefined where none holds an entry of this id. */
export async function findEntryProof(options: FindEntryOptions): Promise<EntryProof | undefined> {
  const { store, signal, organizations: only } = options;
  // Whether the archive is sound is another question; here the proof is checked by itself.
  const findings = new Findings();
  const { folders } = await listArchive({ store, findings, only, signal });
  for (const group of await groupFolders(folders, { store, findings, signal })) {
    const rotations: Envelope[] = [];
    for await (const digest of readDigests(digestFiles(group), { store, findings, signal })) {
      for (const object of digest.payload.objects) {
        const proof = await proofIn(object, { digest, rotations, options });
        if (proof !== undefined) return proof;
      }
      if (digest.payload.nextKey !== null) rotations.push(digest.envelope);
    }
  }
  for (const { code, message } of findings.kept) if (unreadableCodes.has(code)) options.onUnreadable(message);
  return undefined;
}

const unreadableCodes: ReadonlySet<string> = new Set<FindingCode>(['folder_unreadable', 'digest_unreadable']);

interface ProofPlace {
  readonly digest: DigestRead;
  readonly rotations: readonly Envelope[];
  readonly options: FindEntryOptions;
}

async function proofIn(object: DigestObject, place: ProofPlace): Promise<EntryProof | undefined> {
  const { digest, rotations, options } = place;
  if (parseArchiveKey(object.key)?.kind !== 'entries') return undefined;
  const stored = await readObject(object.key, options);
  if (stored === undefined) return undefined;
  const found = await findLine(stored.bytes, object, options);
  if (found === undefined) return undefined;
  const { raw, index, lineHashes } = found;
  return {
    kind: entryProofKind,
    formatVersion: 1,
    organization: digest.payload.organization.name,
    sequence: object.firstSequence + index,
    raw: raw.toString('utf8'),
    object: object.key,
    index,
    size: lineHashes.length,
    auditPath: inclusionProof(lineHashes, index).map((hash) => hash.toString('hex')),
    digest: toJson(digest.envelope),
    rotations: rotations.map(toJson),
  };
}

async function readObject(
  key: string,
  { store, signal, onUnreadable }: FindEntryOptions,
): Promise<StoredObject | undefined> {
  try {
    return await store.get(key, { bytesMax: objectBytesMax, signal });
  } catch (error) {
    const why = unreadableObject(error);
    if (why === undefined) throw error;
    onUnreadable(`The object ${key} can't be read: ${why}`);
    return undefined;
  }
}

interface FoundLine {
  readonly raw: Buffer;
  readonly index: number;
  readonly lineHashes: readonly Buffer[];
}

async function findLine(
  stored: Buffer,
  object: DigestObject,
  { id, signal }: FindEntryOptions,
): Promise<FoundLine | undefined> {
  const lineHashes: Buffer[] = [];
  const cutter = new LineCutter();
  let found: { raw: Buffer; index: number } | undefined;
  try {
    const contentBytesMax = object.rawBytes + object.entries;
    for await (const piece of readGzipMember(stored, { contentBytesMax, signal })) {
      for (const line of cutter.take(piece)) {
        const sha256 = createHash('sha256').update(line).digest();
        if (found === undefined && hasId(line, sha256, id)) {
          found = { raw: Buffer.from(line), index: lineHashes.length };
        }
        lineHashes.push(sha256);
      }
    }
  } catch (error) {
    if (error instanceof GzipMemberError) return undefined;
    throw error;
  }
  return found === undefined ? undefined : { ...found, lineHashes };
}

function hasId(line: Buffer, sha256: Buffer, id: string): boolean {
  if (id === `sha256:${sha256.toString('hex')}`) return true;
  // Most lines don't hold the text at all; an id with characters that JSON may escape is looked for in every line.
  if (/^[\w:.-]+$/.test(id) && !line.includes(id)) return false;
  try {
    const fields: unknown = JSON.parse(line.toString('utf8'));
    return typeof fields === 'object' && fields !== null && 'id' in fields && fields.id === id;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function toJson({ payloadType, payload, signatures }: Envelope): unknown {
  return {
    payloadType,
    payload: payload.toString('base64'),
    signatures: signatures.map(({ keyId, signature }) => ({
      keyid: keyId,
      sig: signature.toString('base64'),
    })),
  };
}
