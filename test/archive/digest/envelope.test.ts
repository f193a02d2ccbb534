import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  digestPayloadType,
  isSignedBy,
  parseEnvelope,
  preAuthenticationEncoding,
  sealDigest,
} from '../../../src/archive/digest/envelope.ts';
import { DigestFormatError } from '../../../src/archive/digest/digest-error.ts';
import { generateSigningKey, parseSigningKey } from '../../../src/archive/digest/signing-key.ts';

const key = parseSigningKey(generateSigningKey());
const otherKey = parseSigningKey(generateSigningKey());
const payload = Buffer.from('{"formatVersion":1}');

describe('the envelope of a digest', () => {
  test("signs the encoding of the DSSE specification's example", () => {
    const encoded = preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  test('counts bytes, not characters', () => {
    expect(preAuthenticationEncoding('tÿpe', Buffer.from('é')).toString()).toBe('DSSEv1 5 tÿpe 2 é');
  });

  test('is one line of JSON with the payload, its type and the signature', () => {
    const bytes = sealDigest(payload, key);
    expect(bytes.toString().endsWith('}\n')).toBe(true);
    expect(JSON.parse(bytes.toString())).toEqual({
      payloadType: digestPayloadType,
      payload: payload.toString('base64'),
      signatures: [
        {
          keyid: key.publicKey.keyId,
          sig: sign(null, preAuthenticationEncoding(digestPayloadType, payload), key.privateKey).toString(
            'base64',
          ),
        },
      ],
    });
  });

  test('is the same for the same payload and key', () => {
    expect(sealDigest(payload, key).equals(sealDigest(payload, key))).toBe(true);
  });

  test('is believed for its own key and payload only', () => {
    const envelope = parseEnvelope(sealDigest(payload, key));
    expect(envelope.payload.equals(payload)).toBe(true);
    expect(isSignedBy(envelope, key.publicKey)).toBe(true);
    expect(isSignedBy(envelope, otherKey.publicKey)).toBe(false);
    const altered = { ...envelope, payload: Buffer.from('{"formatVersion":2}') };
    expect(isSignedBy(altered, key.publicKey)).toBe(false);
    expect(isSignedBy({ ...envelope, payloadType: 'text/plain' }, key.publicKey)).toBe(false);
  });

  test('has no signatures without a key', () => {
    const envelope = parseEnvelope(sealDigest(payload, undefined));
    expect(envelope.signatures).toEqual([]);
    expect(isSignedBy(envelope, key.publicKey)).toBe(false);
  });

  test('is read in either alphabet of base64, and with members that are not known', () => {
    const bytes = sealDigest(Buffer.from('????>>>>'), key).toString();
    const parsed = JSON.parse(bytes) as Record<string, unknown>;
    const urlSafe = { ...parsed, payload: 'Pz8_Pz4-Pj4', added: true };
    expect(parseEnvelope(Buffer.from(JSON.stringify(urlSafe))).payload.toString()).toBe('????>>>>');
  });

  const sealed = JSON.parse(sealDigest(payload, key).toString()) as Record<string, unknown>;
  test.each([
    ['{"payload', 'It is not JSON in UTF-8.'],
    ['[]', 'It is not a JSON object.'],
    [JSON.stringify({ ...sealed, payloadType: 'x' }), `Its payloadType is not "${digestPayloadType}".`],
    [JSON.stringify({ ...sealed, payload: 'e!30' }), 'Its payload is not base64.'],
    [JSON.stringify({ ...sealed, payload: 5 }), 'Its payload is not base64.'],
    [JSON.stringify({ ...sealed, signatures: null }), 'Its signatures are not a list.'],
    [JSON.stringify({ ...sealed, signatures: ['x'] }), 'One of its signatures is not an object.'],
    [
      JSON.stringify({ ...sealed, signatures: [{ keyid: 1, sig: '' }] }),
      'The keyid of a signature is not text.',
    ],
    [JSON.stringify({ ...sealed, signatures: [{ keyid: '' }] }), 'Its signature is not base64.'],
  ])('is refused with a sentence: %s', (text, sentence) => {
    expect(() => parseEnvelope(Buffer.from(text))).toThrow(new DigestFormatError(sentence));
  });

  test('takes no signature of another kind of key for ours', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const bytes = preAuthenticationEncoding(digestPayloadType, payload);
    const envelope = {
      ...parseEnvelope(sealDigest(payload, undefined)),
      signatures: [{ keyId: key.publicKey.keyId, signature: sign('sha256', bytes, privateKey) }],
    };
    expect(isSignedBy(envelope, key.publicKey)).toBe(false);
  });
});
