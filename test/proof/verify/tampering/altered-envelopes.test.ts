import { sign } from 'node:crypto';
import { preAuthenticationEncoding } from '../../../../src/archive/digest/envelope.ts';
import { ordinaryArchive, scenarioKeys } from '../../scenario.ts';
import { describeTampering, envelopeText, payloadText } from './tampering-case.ts';
import { soon } from '../verify-scenario.ts';

describeTampering('altered envelopes', [
  {
    what: 'an envelope whose members stand twice, a forged payload before the signed one',
    tamper: (t) =>
      envelopeText(t, 6, (text) =>
        text.replace('{', `{"payload":"${Buffer.from('{}').toString('base64')}",`),
      ),
    finds: { digest_unreadable: 1 },
    says: ['has the member "payload" twice'],
  },
  {
    what: 'an envelope of another payloadType',
    tamper: (t) => envelopeText(t, 6, (text) => text.replace('digest.v1+json', 'receipt.v1+json')),
    finds: { digest_unreadable: 1 },
    says: ['payloadType is not'],
  },
  {
    what: 'a signature of the same key over the same bytes as another type',
    tamper: (t) =>
      envelopeText(t, 6, (text) => {
        const { payload, ...rest } = JSON.parse(text) as { readonly payload: string };
        const bytes = preAuthenticationEncoding('application/json', Buffer.from(payload, 'base64'));
        const sig = sign(null, bytes, scenarioKeys.first.privateKey).toString('base64');
        const { keyId } = scenarioKeys.first.publicKey;
        return JSON.stringify({ payload, ...rest, signatures: [{ keyid: keyId, sig }] });
      }),
    finds: { signature_invalid: 1 },
    says: ['its signature is not that key'],
  },
  {
    what: 'a payload with bits behind its last byte, which base64 readers skip',
    tamper: (t) =>
      payloadText(
        t,
        6,
        (text) => text,
        (base64) => `${base64}A`,
      ),
    finds: { digest_unreadable: 1 },
    says: ['payload is not base64'],
  },
  {
    what: 'a payload with line breaks in its base64',
    tamper: (t) =>
      payloadText(
        t,
        6,
        (text) => text,
        (base64) => `${base64.slice(0, 76)}\n${base64.slice(76)}`,
      ),
    finds: { digest_unreadable: 1 },
    says: ['payload is not base64'],
  },
  {
    what: 'a digest without a byte',
    tamper: (t) => t.replace(t.digestKey(6), () => Buffer.alloc(0)),
    finds: { digest_unreadable: 1 },
    says: ['digests/000000000006.json', 'not JSON'],
  },
  {
    what: 'a digest behind a byte order mark',
    tamper: (t) => t.replace(t.digestKey(6), (bytes) => Buffer.concat([Buffer.from('\uFEFF'), bytes])),
    finds: { digest_unreadable: 1 },
    says: ['not JSON'],
  },
  {
    what: 'the key that a signature names altered, of an announced key that was not given',
    build: async (place) => {
      const scenario = await ordinaryArchive(place);
      await scenario.rotate(scenarioKeys.second);
      scenario.now = BigInt(soon) * 1_000_000n;
      await scenario.digest();
    },
    tamper: (t) =>
      envelopeText(t, 8, (text) =>
        text.replace(scenarioKeys.second.publicKey.keyId, scenarioKeys.stranger.publicKey.keyId),
      ),
    finds: { signature_untrusted: 1 },
    says: ['digests/000000000008.json', 'not trusted'],
  },
  {
    what: 'a signature without its last byte',
    tamper: (t) =>
      envelopeText(t, 6, (text) => {
        const envelope = JSON.parse(text) as {
          readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
        };
        const signatures = envelope.signatures.map(({ keyid, sig }) => ({
          keyid,
          sig: Buffer.from(sig, 'base64').subarray(0, -1).toString('base64'),
        }));
        return JSON.stringify({ ...envelope, signatures });
      }),
    finds: { signature_invalid: 1 },
    says: ['its signature is not that key'],
  },
]);
