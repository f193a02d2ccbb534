import { openDatabase } from '../../database/open-database.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import type { Database } from '../../database/database.ts';
import { endAllLeases } from '../../ledger/leases.ts';
import { openLedgerForRestore } from '../../ledger/ledger.ts';
import { restore, type RestoredOrganization, type RestoreResult } from '../../proof/restore/restore.ts';
import type { Finding } from '../../proof/verify/findings.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { load, loggerOf } from '../load.ts';
import { note, printListing } from '../output.ts';
import { packageVersion } from '../package-version.ts';
import { createProgress } from '../progress.ts';
import { trustedKeys } from '../trusted-keys.ts';
import { witnessedHeads } from '../witnessed-heads.ts';
import { restoreSource, type RestoreSource } from './restore-source.ts';

const connectTimeoutMs = 10_000;
const connectionsMax = 4;

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const loaded = await load(context, { needsKey: false });
  const keys = await trustedKeys(loaded, input.list('key'));
  const source = await restoreSource(loaded, input);
  try {
    const database = await openDatabase({
      url: loaded.config.store.url.reveal(),
      applicationName: 'ccloud-audit-export',
      poolMax: connectionsMax,
      connectTimeoutMs,
      create: true,
      holder: { command: 'ccloud-audit restore' },
      signal: context.signal,
    });
    try {
      const result = await restoreInto(context, input, { loaded, database, source, keys });
      return await print(context, result, { keys: keys.length, database });
    } finally {
      await database.close();
    }
  } finally {
    await source.store.close();
  }
}

interface Parts {
  readonly loaded: LoadedConfig;
  readonly database: Database;
  readonly source: RestoreSource;
  readonly keys: Awaited<ReturnType<typeof trustedKeys>>;
}

async function restoreInto(context: CliContext, input: CommandInput, parts: Parts): Promise<RestoreResult> {
  const { loaded, database, source, keys } = parts;
  const { config } = loaded;
  const logger = loggerOf(context, loaded);
  const { ledger, mark } = await openLedgerForRestore({
    database,
    schema: config.store.schema,
    migrate: config.store.migrate,
    leaseMs: config.leaseMs,
    logger,
  });
  if (database.kind === 'pglite') await endAllLeases(ledger);
  const names = input.list('organization');
  note(
    context,
    `Restoring from ${source.store.location} to ${database.fingerprint}, schema ${ledger.schema}.`,
  );
  const progress = await createProgress(context, { label: 'restore', unit: 'entries verified and restored' });
  try {
    return await restore({
      ledger,
      mark,
      store: source.store,
      sink: source.sink,
      keys,
      allowUnsigned: input.isSet('allow-unsigned'),
      allowUnsignedEnd: input.isSet('allow-unsigned-end'),
      heads: witnessedHeads(input),
      organizations: names.length === 0 ? undefined : names,
      configured: new Map(config.organizations.map(({ name, startFrom }) => [name, startFrom])),
      version: packageVersion(),
      onProgress: ({ entries, fraction }) => progress.report({ done: entries, fraction }),
      logger,
      signal: context.signal,
    });
  } catch (error) {
    if (context.signal.aborted)
      note(
        context,
        'Stopped before the end. If it had begun to write, nobody can use the store until the same command is run again; it goes on where it was.',
      );
    throw error;
  } finally {
    progress.stop();
  }
}

async function print(
  context: CliContext,
  result: RestoreResult,
  used: { readonly keys: number; readonly database: Database },
): Promise<ExitCode> {
  if (result.outcome === 'refused') {
    await printFindings(context, result.findings);
    return exitCodes.findings;
  }
  await printListing(context, {
    rows: result.organizations,
    columns: [
      { title: 'organization', text: ({ organization }) => organization },
      { title: 'restored', text: ({ restored }) => number(restored), isNumber: true },
      { title: 'held already', text: ({ held }) => number(held), isNumber: true },
      { title: 'in the ledger', text: ({ head }) => number(head), isNumber: true },
      { title: 'objects', text: ({ objects }) => number(objects), isNumber: true },
      { title: 'digests', text: ({ digests }) => number(digests), isNumber: true },
      { title: 'not yet signed', text: ({ notYetSigned }) => number(notYetSigned), isNumber: true },
    ],
    json: {
      outcome: result.outcome,
      ledgerId: result.ledgerId,
      organizations: result.organizations.map((one) => ({ ...one, cloudId: one.cloudId ?? null })),
      findings: [],
    },
    empty: 'Nothing was restored.',
  });
  for (const organization of result.organizations) note(context, sentence(organization, used.keys));
  note(
    context,
    `The store at ${used.database.fingerprint} is the archive's ledger ${result.ledgerId} again. Positions at the Cloud API are not in an archive: ` +
      'the next `run` or `backfill` reads everything once and drops what is here; sinks other than the archive are given everything ' +
      'again from their beginning, and absorb what they hold; what prints (stdout) prints it again. ' +
      'The archive has to be at the place that its sink is configured for: the sink goes on there.',
  );
  return exitCodes.done;
}

function sentence(organization: RestoredOrganization, keys: number): string {
  const { organization: name, digests, notYetSigned } = organization;
  if (digests === 0)
    return `${name}: the archive has no digests, so it is whole as far as its sequences tell; nobody signed it.`;
  const signed =
    keys === 0
      ? 'the hashes of every digest fit; no key checked who signed them'
      : 'every digest fits and is signed';
  const rest =
    notYetSigned === 0
      ? ''
      : ` ${number(notYetSigned)} entries came after the newest digest and are not yet signed.`;
  return `${name}: ${signed}.${rest}`;
}

async function printFindings(context: CliContext, findings: readonly Finding[]): Promise<void> {
  await printListing(context, {
    rows: findings,
    columns: [
      { title: 'finding', text: ({ code }) => code },
      { title: 'object', text: ({ object }) => object ?? '' },
      { title: 'what', text: ({ message }) => message },
    ],
    json: { outcome: 'refused', ledgerId: null, organizations: [], findings },
    empty: 'Nothing was found.',
  });
  note(
    context,
    `The archive is not what it should be (${findings.length} findings), so nothing was restored and the store is as it was. ` +
      'Where a finding does not say what to do: `ccloud-audit verify` tells more; bring the archive back from a copy or an older version, then restore.',
  );
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
