import { generateSigningKey, parseSigningKey } from '../../archive/digest/signing-key.ts';
import { UsageError } from '../../errors.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, write } from '../output.ts';
import { printPublicKey, writeKeyFile } from './key-file.ts';

/** With a file, stdout gets the public part; without one it gets the private key, for a secret store to take. */
export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const path = input.argument('file');
  const pem = generateSigningKey();
  const { publicKey } = parseSigningKey(pem);
  if (path === undefined) {
    if (context.output === 'json')
      throw new UsageError('Name a FILE: JSON shows the public part only, and the key would be lost.');
    await write(context, pem);
    note(context, `key id: ${publicKey.keyId}\n${publicKey.pem}`.trimEnd());
    return exitCodes.done;
  }
  await writeKeyFile(path, pem);
  await printPublicKey(context, publicKey);
  note(
    context,
    `Wrote ${path}. Name it in signing.keyFile, keep a copy where the archive is not, and give auditors the public part.`,
  );
  return exitCodes.done;
}
