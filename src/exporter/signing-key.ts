import type { Config } from '../../config/config.ts';
import { DigestFormatError } from '../archive/digest/digest-error.ts';
import { parseSigningKey, type SigningKey } from '../archive/digest/signing-key.ts';
import { UsageError } from '../errors.ts';

/** The configured key; undefined: digests are not signed. Throws a UsageError for one that can't sign. */
export function signingKeyOf(config: Pick<Config, 'signing'>): SigningKey | undefined {
  return config.signing === undefined
    ? undefined
    : readSigningKey(config.signing.key.reveal(), 'The key of `signing` in the configuration');
}

/** A private key out of PEM text; `subject` begins the sentence of what is wrong with it. */
export function readSigningKey(pem: string, subject: string): SigningKey {
  try {
    return parseSigningKey(pem);
  } catch (error) {
    if (!(error instanceof DigestFormatError)) throw error;
    throw new UsageError(
      `${subject} can't sign digests. ${error.message} \`ccloud-audit key generate\` makes one that can.`,
      { code: 'signing_key_unusable', cause: error },
    );
  }
}
