import { readFile, writeFile } from 'node:fs/promises';
import type { PublicKey } from '../../archive/digest/signing-key.ts';
import { ExporterError, UsageError, toError } from '../../errors.ts';
import { checkEntryProof } from '../../proof/verify/entry-proof.ts';
import { findEntryProof } from '../../proof/verify/find-entry-proof.ts';
import { htmlReport } from '../../proof/verify/html-report.ts';
import type { VerifyReport } from '../../proof/verify/report.ts';
import {
  compareUnsigned,
  compareWithStore,
  readStoreMemory,
  type StoreMemory,
} from '../../proof/verify/store-comparison.ts';
import { verifyArchive, type VerifyOptions } from '../../proof/verify/verify-archive.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { load } from '../load.ts';
import { note, printJson, write } from '../output.ts';
import { packageVersion } from '../package-version.ts';
import { createProgress } from '../progress.ts';
import { trustedKeys } from '../trusted-keys.ts';
import { witnessedHeads } from '../witnessed-heads.ts';
import { readMoment } from './backfill.ts';
import { withStore } from './store-access.ts';
import { verifySources, type VerifySource } from './verify-sources.ts';
import { proofText, reportText } from './verify-text.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  checkOptions(input);
  const loaded = await load(context, { needsKey: false });
  const keys = await trustedKeys(loaded, input.list('key'));
  const proof = input.text('proof');
  if (proof !== undefined) return await checkProof(context, input, { file: proof, keys });
  const sources = await verifySources(loaded, input);
  try {
    const id = input.text('entry');
    if (id !== undefined) return await printProof(context, input, { id, sources });
    const configured = loaded.config.organizations.map(({ name }) => name);
    return await verifyAll(context, input, { keys, sources, configured });
  } finally {
    await Promise.all(sources.map(({ store }) => store.close()));
  }
}

interface Sources {
  readonly keys: readonly PublicKey[];
  readonly sources: readonly VerifySource[];
  /** Names of the configured organizations. */
  readonly configured: readonly string[];
}

async function verifyAll(
  context: CliContext,
  input: CommandInput,
  { keys, sources, configured }: Sources,
): Promise<ExitCode> {
  const memory = input.isSet('store') ? await storeMemory(context) : undefined;
  const common: CommonOptions = {
    ...commonOptions(context, input),
    keys,
    compare: memory && compareWith(context, memory),
  };
  const archives: VerifyReport[] = [];
  for (const source of sources) {
    const { sink } = source;
    const sent = sink === undefined ? undefined : (sink.organizations ?? configured);
    archives.push(await verifyOne(context, source, { ...common, configured: sent, sink: sink?.name }));
  }
  await writeReports(archives, input);
  if (context.output === 'json') await printJson(context, { verdict: verdictOf(archives), archives });
  else for (const archive of archives) await write(context, reportText(archive));
  for (const file of input.list('report')) note(context, `Report written to ${file}.`);
  return verdictOf(archives) === 'verified' ? exitCodes.done : exitCodes.findings;
}

type CommonOptions = Omit<VerifyOptions, 'store' | 'hasVersions' | 'lock' | 'onProgress'>;

async function verifyOne(
  context: CliContext,
  source: VerifySource,
  common: CommonOptions,
): Promise<VerifyReport> {
  const progress = await createProgress(context, { label: 'verify', unit: 'entries' });
  try {
    return await verifyArchive({
      ...common,
      store: source.store,
      hasVersions: source.hasVersions,
      lock: source.lock,
      onProgress: ({ entries, storedBytes, storedBytesTotal }) =>
        progress.report({
          done: entries,
          fraction: storedBytesTotal === 0 ? 1 : storedBytes / storedBytesTotal,
        }),
    });
  } finally {
    progress.stop();
  }
}

const storeUse = { command: 'verify --store', looksOnly: true } as const;

function storeMemory(context: CliContext): Promise<StoreMemory> {
  return withStore(context, storeUse, ({ ledger }) => readStoreMemory(ledger));
}

function compareWith(context: CliContext, memory: StoreMemory): NonNullable<VerifyOptions['compare']> {
  return async (archive, findings) => {
    compareWithStore(archive, memory, findings);
    if (archive.walk.pending.length === 0) return;
    await withStore(context, storeUse, ({ ledger }) => compareUnsigned(archive, ledger, findings));
  };
}

function commonOptions(context: CliContext, input: CommandInput): Omit<CommonOptions, 'keys'> {
  const organizations = input.list('organization');
  return {
    allowUnsigned: input.isSet('allow-unsigned'),
    organizations: organizations.length === 0 ? undefined : organizations,
    to: readMoment(input, 'to', Date.now()),
    heads: witnessedHeads(input),
    version: packageVersion(),
    now: Date.now,
    signal: context.signal,
  };
}

function verdictOf(archives: readonly VerifyReport[]): VerifyReport['verdict'] {
  return archives.every(({ verdict }) => verdict === 'verified') ? 'verified' : 'failed';
}

/** By the end of the name: a page for people, or the same as `-o json` for programs. */
async function writeReports(archives: readonly VerifyReport[], input: CommandInput): Promise<void> {
  for (const file of input.list('report')) {
    const text = file.endsWith('.json')
      ? `${JSON.stringify({ verdict: verdictOf(archives), archives }, null, 2)}\n`
      : htmlReport(archives);
    try {
      await writeFile(file, text, { mode: 0o600 });
    } catch (error) {
      throw new UsageError(`The report can't be written to ${file}: ${toError(error).message}`, {
        code: 'report_unwritable',
        cause: error,
      });
    }
  }
}

async function printProof(
  context: CliContext,
  input: CommandInput,
  { id, sources }: { readonly id: string; readonly sources: readonly VerifySource[] },
): Promise<ExitCode> {
  const names = input.list('organization');
  const unreadable: string[] = [];
  for (const { store } of sources) {
    const proof = await findEntryProof({
      store,
      id,
      organizations: names.length === 0 ? undefined : names,
      onUnreadable: (what) => unreadable.push(what),
      signal: context.signal,
    });
    if (proof === undefined) continue;
    await printJson(context, proof);
    return exitCodes.done;
  }
  throw new ExporterError(
    `No object that a digest lists holds an entry with the id "${id}" in ${sources.map(({ store }) => store.location).join(', ')}. ` +
      'Ids are compared exactly, as the API prints them; what is not yet signed can not be proved.' +
      (unreadable[0] === undefined
        ? ''
        : ` It may be in what could not be read (${unreadable.length}), the first of which: ${unreadable[0]}`),
    { kind: 'findings', code: 'entry_unproved' },
  );
}

async function checkProof(
  context: CliContext,
  input: CommandInput,
  { file, keys }: { readonly file: string; readonly keys: readonly PublicKey[] },
): Promise<ExitCode> {
  const verdict = checkEntryProof(await readText(file, 'proof'), {
    keys,
    allowUnsigned: input.isSet('allow-unsigned'),
  });
  if (context.output === 'json') await printJson(context, verdict);
  else await write(context, proofText(verdict));
  return verdict.isProved ? exitCodes.done : exitCodes.findings;
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`The ${what} ${file} can't be read: ${toError(error).message}`, {
      code: `${what}_unreadable`,
      cause: error,
    });
  }
}

function checkOptions(input: CommandInput): void {
  witnessedHeads(input);
  const report = input.list('report').find((file) => !/\.(?:html|json)$/.test(file));
  if (report !== undefined) {
    throw new UsageError(`--report must name a file that ends in .html or .json, not "${report}".`, {
      code: 'option_invalid',
    });
  }
  if (input.text('proof') !== undefined && input.argument('place') !== undefined) {
    throw new UsageError('--proof is checked with the public key alone; leave out the archive.', {
      code: 'option_invalid',
    });
  }
}
