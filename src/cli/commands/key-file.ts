/** What the `key` commands share: keys in files, and what is said of one. */
import { open, readFile } from 'node:fs/promises';
import { DigestFormatError } from '../../archive/digest/digest-error.ts';
import { parsePublicKey, type PublicKey } from '../../archive/digest/signing-key.ts';
import { UsageError } from '../../errors.ts';
import { readSigningKey } from '../../exporter/signing-key.ts';
import type { CliContext } from '../context.ts';
import { printJson, write } from '../output.ts';

/** The public part of the key in a file, which may hold either part. */
export async function publicKeyIn(path: string): Promise<PublicKey> {
  const pem = await textOf(path);
  if (!pem.includes('-----BEGIN PUBLIC KEY-----')) {
    return readSigningKey(pem, `The key in ${path}`).publicKey;
  }
  try {
    return parsePublicKey(pem);
  } catch (error) {
    if (!(error instanceof DigestFormatError)) throw error;
    throw new UsageError(`${path} holds no key that digests are checked with. ${error.message}`, {
      code: 'public_key_unusable',
      cause: error,
    });
  }
}

/** Writes a private key for this user only; never replaces a file. */
export async function writeKeyFile(path: string, pem: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(pem);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    const isThere = codeOf(error) === 'EEXIST';
    throw new UsageError(
      isThere
        ? `${path} exists already and was left as it is: a key that is overwritten is lost. Name another file.`
        : `${path} can't be written (${codeOf(error)}).`,
      { code: isThere ? 'file_exists' : 'file_unwritable', cause: error },
    );
  }
}

export async function printPublicKey(context: CliContext, key: PublicKey): Promise<void> {
  if (context.output === 'json') return await printJson(context, { keyId: key.keyId, publicKey: key.pem });
  return await write(context, `key id: ${key.keyId}\n${key.pem}`);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`The key file ${path} can't be read (${codeOf(error)}).`, {
      code: 'file_unreadable',
      cause: error,
    });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
