import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DigestFormatError } from '../../../src/archive/digest/digest-error.ts';
import {
  generateSigningKey,
  parsePublicKey,
  parseSigningKey,
} from '../../../src/archive/digest/signing-key.ts';

describe('keys', () => {
  test('are named by the hash of their public part', () => {
    const pem = generateSigningKey();
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    const { publicKey } = parseSigningKey(pem);
    const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
    expect(publicKey.keyId).toBe(createHash('sha256').update(der).digest('hex'));
    expect(parsePublicKey(publicKey.pem).keyId).toBe(publicKey.keyId);
  });

  test('are made anew each time', () => {
    expect(generateSigningKey()).not.toBe(generateSigningKey());
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ed25519 = generateKeyPairSync('ed25519');
  const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
  const spki = { type: 'spki', format: 'pem' } as const;
  const withPassphrase = ed25519.privateKey
    .export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString();

  test.each([
    [rsa.privateKey.export(pkcs8).toString(), 'It is a key of type rsa, not Ed25519.'],
    [ed25519.publicKey.export(spki).toString(), 'It is a public key, not a private one.'],
    [withPassphrase, 'It is a private key with a passphrase, which nobody could enter here.'],
  ])('that can not sign are refused (%#)', (pem, sentence) => {
    expect(() => parseSigningKey(pem)).toThrow(new DigestFormatError(sentence));
  });

  test('are never shown when they do not parse', () => {
    const thrown = caught(() => parseSigningKey('a secret that is no key'));
    expect(thrown).toBeInstanceOf(DigestFormatError);
    expect(String(thrown)).toContain('It is not a private key in PEM');
    expect(JSON.stringify([String(thrown), (thrown as Error).cause])).not.toContain('secret');
  });

  test.each([
    [rsa.publicKey.export(spki).toString(), 'It is a key of type rsa, not Ed25519.'],
    [generateSigningKey(), 'It is not a public key in PEM ("-----BEGIN PUBLIC KEY-----").'],
    [
      '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n',
      'It begins like a public key in PEM, but it does not decode.',
    ],
  ])('that can not check signatures are refused (%#)', (pem, sentence) => {
    expect(() => parsePublicKey(pem)).toThrow(new DigestFormatError(sentence));
  });
});

function caught(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
