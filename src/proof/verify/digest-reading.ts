/** Digests as they lie in an archive: read in order, a few at a time, each with what its signature is worth. */
import { DigestFormatError } from '../../archive/digest/digest-error.ts';
import { parseDigest, payloadSha256, type DigestPayload } from '../../archive/digest/digest-payload.ts';
import { isAsSealed, isSignedBy, parseEnvelope, type Envelope } from '../../archive/digest/envelope.ts';
import { parsePublicKey, type PublicKey } from '../../archive/digest/signing-key.ts';
import type { ListedObject, ObjectStore } from '../../archive/object-store.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import type { FindingCode, Findings } from './findings.ts';
import { inOrder } from './in-flight.ts';
import { unreadableObject } from './unreadable.ts';

/** A digest lists up to a few hundred thousand objects, and the journal. */
const digestBytesMax = 512 * 1024 * 1024;
const digestsInFlight = 8;
/** Stored bytes of digests that are held at once. */
const digestBytesInFlight = 64 * 1024 * 1024;
/** The exporter makes one; another may have been added by whoever countersigns. Each costs a verification per key. */
const signaturesMax = 16;

export interface DigestFile extends ListedObject {
  readonly organization: string;
  /** In its name. */
  readonly number: number;
}

export interface DigestRead {
  readonly file: DigestFile;
  readonly sha256: string;
  readonly envelope: Envelope;
  readonly payload: DigestPayload;
}

export interface DigestReadContext {
  readonly store: ObjectStore;
  readonly findings: Findings;
  readonly signal: AbortSignal;
}

/** In the order given; a digest that can't be read is reported and left out. */
export async function* readDigests(
  files: readonly DigestFile[],
  context: DigestReadContext,
): AsyncGenerator<DigestRead> {
  const limits = { count: digestsInFlight, bytesMax: digestBytesInFlight, signal: context.signal };
  for await (const digest of inOrder(files, (file) => readDigest(file, context), limits)) {
    if (digest !== undefined) yield digest;
  }
}

async function readDigest(file: DigestFile, context: DigestReadContext): Promise<DigestRead | undefined> {
  const unreadable = (why: string, code: FindingCode = 'digest_unreadable'): undefined => {
    context.findings.add({
      code,
      organization: file.organization,
      object: file.key,
      message: `The digest ${file.key} can't be read. ${why}`,
    });
  };
  try {
    const found = await context.store.get(file.key, { bytesMax: digestBytesMax, signal: context.signal });
    if (found === undefined) return unreadable('It is listed, and then not there.');
    const envelope = parseEnvelope(found.bytes);
    const { length } = envelope.signatures;
    if (length > signaturesMax) {
      return unreadable(
        `It has ${length} signatures; at most ${signaturesMax} are looked at.`,
        'digest_signatures_many',
      );
    }
    const payload = parseDigest(envelope.payload);
    if (!isAsSealed(found.bytes, envelope)) {
      context.findings.note({
        code: 'digest_rewritten',
        organization: file.organization,
        message: `The digest ${file.key} lies there in other bytes than the exporter writes: somebody wrote the file anew, with other white space or with more in it. What is signed is judged as ever.`,
      });
    }
    return { file, envelope, payload, sha256: payloadSha256(envelope.payload) };
  } catch (error) {
    if (error instanceof DigestFormatError) return unreadable(error.message);
    const why = unreadableObject(error);
    if (why === undefined) throw error;
    const isTooLarge = error instanceof SinkError && error.code === 'object_too_large';
    return unreadable(why, isTooLarge ? 'digest_too_large' : undefined);
  }
}

/**
 * `good`: by the key named here, which is known, trusted or not. `bad`: names a known key, and is not its. `unknown`: by a
 * key of which only the id is known. `none`: not signed.
 */
export type SignatureState =
  | { readonly state: 'good'; readonly keyId: string }
  | { readonly state: 'bad'; readonly keyId: string }
  | { readonly state: 'unknown'; readonly keyId: string }
  | { readonly state: 'none' };

/** The public keys at hand: those that were given, and those that digests announce. */
export class KnownKeys {
  readonly #given: readonly PublicKey[];
  readonly #keys = new Map<string, PublicKey>();

  constructor(given: readonly PublicKey[]) {
    this.#given = given;
    for (const key of given) this.#keys.set(key.keyId, key);
  }

  /** The key that a digest announces; undefined when its id is not that of the key, or it is none. */
  learn(announced: NonNullable<DigestPayload['nextKey']>): PublicKey | undefined {
    try {
      const key = parsePublicKey(announced.publicKey);
      if (key.keyId !== announced.keyId) return undefined;
      this.#keys.set(key.keyId, key);
      return key;
    } catch (error) {
      if (error instanceof DigestFormatError) return undefined;
      throw error;
    }
  }

  check(envelope: Envelope): SignatureState {
    const [first] = envelope.signatures;
    if (first === undefined) return { state: 'none' };
    // Every digest can announce a key, so announced ones are tried by name alone: the work does not grow with their number.
    const announced = envelope.signatures.flatMap(({ keyId }) => this.#keys.get(keyId) ?? []);
    const good = [...new Set([...announced, ...this.#given])].find((key) => isSignedBy(envelope, key));
    if (good !== undefined) return { state: 'good', keyId: good.keyId };
    const named = envelope.signatures.find(({ keyId }) => this.#keys.has(keyId));
    return named === undefined
      ? { state: 'unknown', keyId: first.keyId }
      : { state: 'bad', keyId: named.keyId };
  }
}

/** `what` goes on a sentence that begins with the digest. */
export function addDigestFinding(
  { findings, organization }: { readonly findings: Findings; readonly organization: string },
  file: DigestFile,
  { code, what }: { readonly code: FindingCode; readonly what: string },
): void {
  findings.add({ code, organization, object: file.key, message: `The digest ${file.key} ${what}.` });
}
