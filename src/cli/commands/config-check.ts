import type { Config } from '../../../config/config.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import { toError } from '../../errors.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodeOf, exitCodes, type ExitCode } from '../exit-codes.ts';
import { load } from '../load.ts';
import { printListing } from '../output.ts';
import { connectionChecks, type ConnectionCheck } from '../connection-checks.ts';
import { signingKeyOf } from '../../exporter/signing-key.ts';

interface CheckResult {
  readonly subject: string;
  readonly isGood: boolean;
  readonly finding: string;
}

/** Validates, then tries every connection; all of them are tried, and the first failure decides the exit code. */
export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const loaded = await load(context);
  const results: CheckResult[] = [
    { subject: 'configuration', isGood: true, finding: describeConfig(loaded) },
  ];
  let exitCode: ExitCode = exitCodes.done;
  const connections = input.isSet('offline') ? [] : connectionChecks(loaded);
  for (const check of [...signingChecks(loaded), ...connections]) {
    context.signal.throwIfAborted();
    try {
      results.push({ subject: check.subject, isGood: true, finding: await check.run(context) });
    } catch (error) {
      context.signal.throwIfAborted();
      if (exitCode === exitCodes.done) exitCode = exitCodeOf(error);
      results.push({ subject: check.subject, isGood: false, finding: toError(error).message });
    }
  }
  await printListing(context, {
    rows: results,
    columns: [
      { title: 'check', text: (result) => result.subject },
      { title: 'result', text: (result) => (result.isGood ? 'ok' : 'failed') },
      { title: 'finding', text: (result) => result.finding },
    ],
    json: {
      checks: results.map(({ subject, isGood, finding }) => ({ subject, ok: isGood, finding })),
    },
    empty: 'Nothing to check.',
  });
  return exitCode;
}

/** Whether the key can sign, which needs no connection. */
function signingChecks({ config }: LoadedConfig): readonly ConnectionCheck[] {
  if (config.signing === undefined) return [];
  return [
    {
      subject: 'signing',
      run: async () => `digests are signed with the key ${signingKeyOf(config)?.publicKey.keyId}`,
    },
  ];
}

function describeConfig({ config, file, implicitKey }: LoadedConfig): string {
  const organizations =
    implicitKey === undefined ? count(config.organizations, 'organization') : 'the organization of the key';
  return `${file ?? 'no file'}: ${organizations}, ${count(config.sinks, 'sink')}, ${storeKind(config)}`;
}

function storeKind({ store }: Config): string {
  return store.url.reveal().startsWith('pglite:') ? 'embedded store' : 'store on a server';
}

function count(items: readonly unknown[], noun: string): string {
  return `${items.length} ${noun}${items.length === 1 ? '' : 's'}`;
}
