/** Digests as they lie in an archive: read in order, a few at a time, each with what its signature is worth. */
import { DigestFormatError } from '../../archive/digest/digest-error.ts';
import { parseDigest, payloadSha256, type DigestPayload } from '../../archive/digest/digest-payload.ts';
import { isSignedBy, parseEnvelope, type Envelope } from '../../archive/digest/envelope.ts';
import { parsePublicKey, type PublicKey } from '../../archive/digest/signing-key.ts';
import type { ListedObject, ObjectStore } from '../../archive/object-store.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import type { Findings } from './findings.ts';
import { inOrder } from './in-flight.ts';

/** A digest lists up to a few hundred thousand objects, and the journal. */
const digestBytesMax = 512 * 1024 * 1024;
const digestsInFlight = 8;

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
  const limits = { count: digestsInFlight, signal: context.signal };
  for await (const digest of inOrder(files, (file) => readDigest(file, context), limits)) {
    if (digest !== undefined) yield digest;
  }
}

async function readDigest(file: DigestFile, context: DigestReadContext): Promise<DigestRead | undefined> {
  const unreadable = (why: string): undefined => {
    context.findings.add({
      code: 'digest_unreadable',
      organization: file.organization,
      object: file.key,
      message: `The digest ${file.key} can't be read. ${why}`,
    });
  };
  try {
    const found = await context.store.get(file.key, { bytesMax: digestBytesMax, signal: context.signal });
    if (found === undefined) return unreadable('It is listed, and then not there.');
    const envelope = parseEnvelope(found.bytes);
    const payload = parseDigest(envelope.payload);
    return { file, envelope, payload, sha256: payloadSha256(envelope.payload) };
  } catch (error) {
    if (error instanceof DigestFormatError) return unreadable(error.message);
    if (error instanceof SinkError && error.code === 'object_too_large') return unreadable(error.message);
    throw error;
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
  readonly #keys = new Map<string, PublicKey>();

  constructor(given: readonly PublicKey[]) {
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
    const good = [...this.#keys.values()].find((key) => isSignedBy(envelope, key));
    if (good !== undefined) return { state: 'good', keyId: good.keyId };
    const named = envelope.signatures.find(({ keyId }) => this.#keys.has(keyId));
    return named === undefined
      ? { state: 'unknown', keyId: first.keyId }
      : { state: 'bad', keyId: named.keyId };
  }
}
