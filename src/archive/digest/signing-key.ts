/**
 * Ed25519 keys as PEM text. A key's id is the lower-case hex SHA-256 of its public part (SubjectPublicKeyInfo, DER),
 * so that it can be computed from the public key alone.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { DigestFormatError } from './digest-error.ts';

export interface PublicKey {
  readonly keyId: string;
  /** SubjectPublicKeyInfo as PEM. */
  readonly pem: string;
  readonly key: KeyObject;
}

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
}

/** A new key pair's private part, PKCS #8 as PEM. */
export function generateSigningKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Throws a DigestFormatError for anything but an unencrypted Ed25519 private key as PEM. Never shows the text. */
export function parseSigningKey(pem: string): SigningKey {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey({ key: pem, format: 'pem' });
  } catch (error) {
    // The cause is left out: the parser's message may hold a part of what it was given.
    throw new DigestFormatError(describeUnreadable(pem, error));
  }
  assertEd25519(privateKey);
  return { privateKey, publicKey: toPublicKey(createPublicKey(privateKey)) };
}

/** Throws a DigestFormatError for anything but an Ed25519 public key as PEM. */
export function parsePublicKey(pem: string): PublicKey {
  // Node would take the public part of a private key too; who hands one over here has mixed up two files.
  if (!/-----BEGIN PUBLIC KEY-----/.test(pem)) {
    throw new DigestFormatError('It is not a public key in PEM ("-----BEGIN PUBLIC KEY-----").');
  }
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem' });
  } catch {
    throw new DigestFormatError('It begins like a public key in PEM, but it does not decode.');
  }
  assertEd25519(key);
  return toPublicKey(key);
}

function toPublicKey(key: KeyObject): PublicKey {
  const der = key.export({ type: 'spki', format: 'der' });
  return {
    keyId: createHash('sha256').update(der).digest('hex'),
    pem: key.export({ type: 'spki', format: 'pem' }).toString(),
    key,
  };
}

function assertEd25519(key: KeyObject): void {
  if (key.asymmetricKeyType === 'ed25519') return;
  throw new DigestFormatError(`It is a key of type ${key.asymmetricKeyType ?? 'unknown'}, not Ed25519.`);
}

function describeUnreadable(pem: string, error: unknown): string {
  if (/-----BEGIN (?:[A-Z]+ )?ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    return 'It is a private key with a passphrase, which nobody could enter here.';
  }
  if (/-----BEGIN PUBLIC KEY-----/.test(pem)) return 'It is a public key, not a private one.';
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return `It is not a private key in PEM ("-----BEGIN PRIVATE KEY-----")${code}.`;
}
