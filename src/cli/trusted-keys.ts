/** The public keys that a command believes. */
import { readFile } from 'node:fs/promises';
import type { LoadedConfig } from '../../config/load.ts';
import { DigestFormatError } from '../archive/digest/digest-error.ts';
import { parsePublicKey, parseSigningKey, type PublicKey } from '../archive/digest/signing-key.ts';
import { toError, UsageError } from '../errors.ts';

/** Those in the files that were given; without any, the public half of the configured signing key. */
export async function trustedKeys(
  { config }: LoadedConfig,
  files: readonly string[],
): Promise<readonly PublicKey[]> {
  if (files.length > 0) return await Promise.all(files.map(readKeyFile));
  if (config.signing === undefined) return [];
  const { key } = config.signing;
  return [usable('signing', () => parseSigningKey(key.reveal()).publicKey)];
}

async function readKeyFile(file: string): Promise<PublicKey> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`The key ${file} can't be read: ${toError(error).message}`, {
      code: 'key_unreadable',
      cause: error,
    });
  }
  return usable(file, () => parsePublicKey(text));
}

function usable(name: string, parse: () => PublicKey): PublicKey {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DigestFormatError)) throw error;
    throw new UsageError(`The key ${name} can't be used. ${error.message}`, { code: 'key_unusable' });
  }
}
