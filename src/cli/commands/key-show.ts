import { UsageError } from '../../errors.ts';
import { signingKeyOf } from '../../exporter/signing-key.ts';
import type { PublicKey } from '../../archive/digest/signing-key.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { load } from '../load.ts';
import { printPublicKey, publicKeyIn } from './key-file.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const path = input.argument('file');
  await printPublicKey(context, path === undefined ? await configuredKey(context) : await publicKeyIn(path));
  return exitCodes.done;
}

async function configuredKey(context: CliContext): Promise<PublicKey> {
  const { config } = await load(context, { needsKey: false });
  const key = signingKeyOf(config);
  if (key !== undefined) return key.publicKey;
  throw new UsageError(
    'The configuration has no signing key: digests are not signed. Name a file, or make a key with `ccloud-audit key generate FILE`.',
    { code: 'signing_key_missing' },
  );
}
