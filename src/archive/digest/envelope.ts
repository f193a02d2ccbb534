/**
 * The envelope around a digest: DSSE, https://github.com/secure-systems-lab/dsse/blob/master/envelope.md, signed with
 * Ed25519. The signature is over the type and the exact payload bytes, so nothing has to be printed the same way twice.
 * Without a key there are no signatures; the chain inside still shows accidents.
 */
import { sign, verify } from 'node:crypto';
import { DigestFormatError } from './digest-error.ts';
import { isRecord, parseJsonOnce } from './json.ts';
import type { PublicKey, SigningKey } from './signing-key.ts';

export const digestPayloadType = 'application/vnd.ccloud-audit-export.digest.v1+json';

export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly EnvelopeSignature[];
}

export interface EnvelopeSignature {
  /** A hint only: DSSE does not sign it. */
  readonly keyId: string;
  readonly signature: Buffer;
}

/** What is signed: "DSSEv1", then type and payload, each after its length. */
export function preAuthenticationEncoding(payloadType: string, payload: Buffer): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ]);
}

/** The bytes of a digest's object. Ed25519 signs without randomness: the same payload and key make the same bytes. */
export function sealDigest(payload: Buffer, key: SigningKey | undefined): Buffer {
  const signed = preAuthenticationEncoding(digestPayloadType, payload);
  const signatures =
    key === undefined
      ? []
      : [{ keyid: key.publicKey.keyId, sig: sign(null, signed, key.privateKey).toString('base64') }];
  const envelope = { payloadType: digestPayloadType, payload: payload.toString('base64'), signatures };
  return Buffer.from(`${JSON.stringify(envelope)}\n`);
}

/** Whether these are the bytes that `sealDigest` gives an envelope; other white space or members mean the same. */
export function isAsSealed(bytes: Buffer, { payloadType, payload, signatures }: Envelope): boolean {
  const envelope = {
    payloadType,
    payload: payload.toString('base64'),
    signatures: signatures.map(({ keyId, signature }) => ({
      keyid: keyId,
      sig: signature.toString('base64'),
    })),
  };
  return bytes.equals(Buffer.from(`${JSON.stringify(envelope)}\n`));
}

/** Throws a DigestFormatError for anything but an envelope around a digest. Unknown members are allowed. */
export function parseEnvelope(bytes: Buffer): Envelope {
  const value = parseJsonOnce(bytes);
  if (!isRecord(value)) throw new DigestFormatError('It is not a JSON object.');
  const { payloadType, payload, signatures } = value;
  if (payloadType !== digestPayloadType) {
    throw new DigestFormatError(`Its payloadType is not "${digestPayloadType}".`);
  }
  if (!Array.isArray(signatures)) throw new DigestFormatError('Its signatures are not a list.');
  return {
    payloadType,
    payload: base64(payload, 'payload'),
    signatures: signatures.map((signature: unknown) => parseSignature(signature)),
  };
}

/** Whether one of the envelope's signatures is this key's. */
export function isSignedBy(envelope: Envelope, key: PublicKey): boolean {
  const signed = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
  return envelope.signatures.some(({ signature }) => verify(null, signed, key.key, signature));
}

function parseSignature(value: unknown): EnvelopeSignature {
  if (!isRecord(value)) throw new DigestFormatError('One of its signatures is not an object.');
  const { keyid = '', sig } = value;
  if (typeof keyid !== 'string') throw new DigestFormatError('The keyid of a signature is not text.');
  return { keyId: keyid, signature: base64(sig, 'signature') };
}

/** Node skips what is not base64; here the text must be what the bytes encode to. DSSE allows either alphabet. */
function base64(value: unknown, what: string): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'base64');
    const plain = value.replaceAll('-', '+').replaceAll('_', '/').replaceAll('=', '');
    if (bytes.toString('base64').replaceAll('=', '') === plain) return bytes;
  }
  throw new DigestFormatError(`Its ${what} is not base64.`);
}
