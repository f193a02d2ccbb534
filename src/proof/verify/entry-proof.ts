/**
 * The proof that one entry is in an archive, without the object that it lies in: the entry's line, the hashes that lead from
 * it to the Merkle root of its object, and the signed digest that lists the object. Whoever has the public key can check it
 * with nothing else.
 */
import { createHash } from 'node:crypto';
import { DigestFormatError } from '../../archive/digest/digest-error.ts';
import { parseDigest, payloadSha256 } from '../../archive/digest/digest-payload.ts';
import { isSignedBy, parseEnvelope, type Envelope } from '../../archive/digest/envelope.ts';
import { isIncluded } from '../../archive/digest/merkle.ts';
import { parsePublicKey, type PublicKey } from '../../archive/digest/signing-key.ts';

export const entryProofKind = 'ccloud-audit-export.entry-proof';

/** As it is printed; its shape only grows. */
export interface EntryProof {
  readonly kind: typeof entryProofKind;
  readonly formatVersion: 1;
  readonly organization: string;
  readonly sequence: number;
  /** The entry's line, exactly. */
  readonly raw: string;
  /** The key of its object, and the line's place in it, counted from 0. */
  readonly object: string;
  readonly index: number;
  readonly size: number;
  /** Hashes in hex, the lowest first (RFC 6962). */
  readonly auditPath: readonly string[];
  /** The digest that lists the object, as it is stored. */
  readonly digest: unknown;
  /** Digests before it that announced a new key, in their order, as they are stored. */
  readonly rotations: readonly unknown[];
}

/** What a checked proof shows, or why it shows nothing. */
export type ProofVerdict =
  | {
      readonly isProved: true;
      readonly organization: string;
      readonly sequence: number;
      readonly raw: string;
      readonly object: string;
      readonly digest: { readonly number: number; readonly createdAt: string; readonly sha256: string };
      /** Null where the digest is not signed, which was allowed. */
      readonly keyId: string | null;
    }
  | { readonly isProved: false; readonly code: ProofRefusal; readonly message: string };

export const proofRefusals = [
  'proof_unreadable',
  'proof_unsigned',
  'proof_untrusted',
  'proof_not_listed',
  'proof_not_included',
] as const;
export type ProofRefusal = (typeof proofRefusals)[number];

export function checkEntryProof(
  text: string,
  options: { readonly keys: readonly PublicKey[]; readonly allowUnsigned: boolean },
): ProofVerdict {
  try {
    return check(readProof(text), options);
  } catch (error) {
    if (error instanceof DigestFormatError)
      return refuse('proof_unreadable', `The proof can't be read. ${error.message}`);
    throw error;
  }
}

function check(
  proof: ReadProof,
  options: { readonly keys: readonly PublicKey[]; readonly allowUnsigned: boolean },
): ProofVerdict {
  const payload = parseDigest(proof.digest.payload);
  const signer = trustedKeys(proof, options.keys).find((key) => isSignedBy(proof.digest, key));
  if (signer === undefined) {
    if (proof.digest.signatures.length > 0) {
      const ids = proof.digest.signatures.map(({ keyId }) => keyId).join(', ');
      return refuse(
        'proof_untrusted',
        `The digest in the proof has no good signature of a trusted key; it names ${ids}.`,
      );
    }
    if (typeof payload.signedFrom === 'number') {
      return refuse(
        'proof_unsigned',
        'The digest in the proof says that it was signed when it was made, and has no signature: somebody removed it.',
      );
    }
    if (!options.allowUnsigned) {
      return refuse(
        'proof_unsigned',
        'The digest in the proof is not signed, so it proves nothing about who made it.',
      );
    }
  }
  const object = payload.objects.find(({ key }) => key === proof.object);
  if (object === undefined) {
    return refuse(
      'proof_not_listed',
      `The digest in the proof does not list the object ${JSON.stringify(proof.object)}.`,
    );
  }
  const isHeld = isIncluded({
    lineSha256: createHash('sha256').update(proof.raw).digest(),
    index: proof.index,
    size: object.entries,
    proof: proof.auditPath,
    root: Buffer.from(object.merkleRoot, 'hex'),
  });
  if (!isHeld) {
    return refuse(
      'proof_not_included',
      `The entry is not the one in line ${proof.index + 1} of ${object.key}: its hashes do not lead to the signed root.`,
    );
  }
  const { number, createdAt } = payload;
  return {
    isProved: true,
    organization: payload.organization.name,
    // Out of what is signed, not out of what the proof says about itself.
    sequence: object.firstSequence + proof.index,
    raw: proof.raw,
    object: object.key,
    digest: { number, createdAt, sha256: payloadSha256(proof.digest.payload) },
    keyId: signer?.keyId ?? null,
  };
}

/** The given keys, and those that signed rotations lead to from them. */
function trustedKeys({ rotations }: ReadProof, given: readonly PublicKey[]): PublicKey[] {
  const trusted = [...given];
  for (const rotation of rotations) {
    const { nextKey } = parseDigest(rotation.payload);
    if (nextKey === null || !trusted.some((key) => isSignedBy(rotation, key))) continue;
    trusted.push(parsePublicKey(nextKey.publicKey));
  }
  return trusted;
}

interface ReadProof {
  readonly raw: string;
  readonly object: string;
  readonly index: number;
  readonly auditPath: readonly Buffer[];
  readonly digest: Envelope;
  readonly rotations: readonly Envelope[];
}

function readProof(text: string): ReadProof {
  const proof = parseRecord(text);
  const { kind, raw, object, index, auditPath, digest, rotations } = proof;
  if (kind !== entryProofKind) throw new DigestFormatError(`Its kind is not "${entryProofKind}".`);
  if (typeof raw !== 'string' || typeof object !== 'string' || typeof index !== 'number') {
    throw new DigestFormatError('Its raw, object or index is missing.');
  }
  const isPath =
    Array.isArray(auditPath) &&
    auditPath.every((hash) => typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash));
  if (!isPath)
    throw new DigestFormatError('Its auditPath is not a list of SHA-256 hashes in lower-case hex.');
  return {
    raw,
    object,
    index,
    auditPath: auditPath.map((hash: string) => Buffer.from(hash, 'hex')),
    digest: parseEnvelope(Buffer.from(JSON.stringify(digest ?? null))),
    rotations: Array.isArray(rotations)
      ? rotations.map((rotation: unknown) => parseEnvelope(Buffer.from(JSON.stringify(rotation))))
      : [],
  };
}

function parseRecord(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DigestFormatError('It is not JSON.');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new DigestFormatError('It is not a JSON object.');
}

function refuse(code: ProofRefusal, message: string): ProofVerdict {
  return { isProved: false, code, message };
}
