/** The digests of one archive as a chain: numbers without gaps, each naming the one before by hash, all about one archive. */
import type { DigestPayload } from '../../archive/digest/digest-payload.ts';
import type { PublicKey } from '../../archive/digest/signing-key.ts';
import type { ArchiveIdentity } from '../../archive/archive-identity.ts';
import { identityKey } from '../../archive/layout.ts';
import { parseTimestamp } from '../../time.ts';
import {
  addDigestFinding,
  KnownKeys,
  readDigests,
  type DigestFile,
  type DigestReadContext,
  type SignatureState,
} from './digest-reading.ts';
import { checkSignatures } from './digest-signatures.ts';
import type { FindingCode } from './findings.ts';

/** A digest without its lists, which are read once more when the objects are checked. */
export interface DigestRecord {
  readonly file: DigestFile;
  readonly sha256: string;
  readonly signature: SignatureState;
  readonly payload: Omit<DigestPayload, 'objects' | 'journal' | 'changes'>;
  readonly objectCount: number;
}

export interface ChainContext extends DigestReadContext {
  /** The folder that the archive is named by. */
  readonly organization: string;
  readonly identity: ArchiveIdentity | undefined;
  /** The name of the sink that writes here, as the configuration has it; undefined: nobody knows. */
  readonly sink: string | undefined;
  /** The public keys that are trusted from the start. */
  readonly keys: readonly PublicKey[];
  readonly allowUnsigned: boolean;
}

export async function readChain(
  files: readonly DigestFile[],
  context: ChainContext,
): Promise<DigestRecord[]> {
  const known = new KnownKeys(context.keys);
  const records: DigestRecord[] = [];
  for await (const { file, sha256, envelope, payload } of readDigests(files, context)) {
    const { objects, journal: _journal, changes: _changes, ...rest } = payload;
    records.push({
      file,
      sha256,
      signature: known.check(envelope),
      payload: rest,
      objectCount: objects.length,
    });
    if (rest.nextKey !== null && known.learn(rest.nextKey) === undefined) {
      add(context, file, 'digest_inconsistent', 'announces a key that is not a public key of that id');
    }
  }
  checkNumbers(files, context);
  checkLinks(records, context);
  checkIdentities(records, context);
  checkSignatures(records, context);
  return records;
}

function checkNumbers(files: readonly DigestFile[], context: ChainContext): void {
  const { organization, findings } = context;
  const [first] = files;
  if (first === undefined) return;
  if (first.number > 1) {
    findings.add({
      code: 'digests_start_late',
      organization,
      object: first.key,
      message: `The digests of ${organization} begin with number ${first.number}: the ${first.number - 1} before it are missing, and what they listed can't be verified.`,
    });
  }
  for (const [index, file] of files.entries()) {
    const before = files[index - 1];
    if (before?.number === file.number) {
      findings.add({
        code: 'digest_number_twice',
        organization,
        object: file.key,
        message: `The digest number ${file.number} of ${organization} is there twice: ${before.key} and ${file.key}. Somebody put one of them there.`,
      });
    }
    if (before === undefined || file.number <= before.number + 1) continue;
    const [from, to] = [before.number + 1, file.number - 1];
    findings.add({
      code: 'digest_missing',
      organization,
      message: `The digest${from === to ? ` ${from}` : `s ${from} to ${to}`} of ${organization} ${from === to ? 'is' : 'are'} missing, between ${before.key} and ${file.key}.`,
    });
  }
}

function checkLinks(records: readonly DigestRecord[], context: ChainContext): void {
  for (const [index, record] of records.entries()) {
    const { file, payload } = record;
    if (payload.number !== file.number) {
      add(context, file, 'digest_number_wrong', `says that its number is ${payload.number}`);
      continue;
    }
    const { previous, number } = payload;
    if ((number === 1) !== (previous === null) || (previous !== null && previous.number !== number - 1)) {
      const named = previous === null ? 'none' : `number ${previous.number}`;
      add(context, file, 'digest_previous_wrong', `names as the one before it ${named}`);
      continue;
    }
    const before = records[index - 1];
    if (before === undefined || before.file.number !== number - 1) continue;
    if (previous?.sha256 !== before.sha256) reportFork(record, before, context);
    else checkTime(record, before, context);
  }
}

/** With a bad signature one of the two was edited; with good ones somebody who has the key made two chains. */
function reportFork(record: DigestRecord, before: DigestRecord, context: ChainContext): void {
  const isForked = record.signature.state === 'good' && before.signature.state === 'good';
  add(
    context,
    record.file,
    isForked ? 'digest_chain_forked' : 'digest_previous_wrong',
    `names another digest as the one before it (payload SHA-256 ${record.payload.previous?.sha256 ?? 'none'}) ` +
      `than ${before.file.key} (${before.sha256})${isForked ? ', and both are signed: there were two chains, or digests were replaced by somebody who has the key' : ''}`,
  );
}

function checkTime(record: DigestRecord, before: DigestRecord, context: ChainContext): void {
  const [time, timeBefore] = [record, before].map(({ payload }) => parseTimestamp(payload.createdAt));
  if (time === undefined || timeBefore === undefined || time >= timeBefore) return;
  context.findings.note({
    code: 'digest_time_backward',
    organization: context.organization,
    message: `The digest ${record.file.key} was made at ${record.payload.createdAt}, before the one it follows: the database's clock was set back.`,
  });
}

/** The first digest tells whose chain it is: it is signed, archive.json is not. */
function checkIdentities(records: readonly DigestRecord[], context: ChainContext): void {
  const [first] = records;
  if (first === undefined) return;
  compareIdentity(first, context);
  const { ledgerId, sink } = first.payload;
  if (context.sink !== undefined && sink !== context.sink) {
    const what = `says that the archive is written by the sink ${sink}; the configuration calls the one that writes here ${context.sink}: the archive of another sink was put in its place`;
    add(context, first.file, 'digest_foreign', what);
  }
  const id = records.find(({ payload }) => payload.organization.id !== null)?.payload.organization.id;
  for (const { file, payload } of records) {
    const { organization } = payload;
    const foreign = [
      ...(organization.name === file.organization ? [] : [`the organization ${organization.name}`]),
      ...(organization.id === null || organization.id === id
        ? []
        : [`the organization with the id ${organization.id}`]),
      ...(payload.ledgerId === ledgerId ? [] : [`the ledger ${payload.ledgerId}`]),
      ...(payload.sink === sink ? [] : [`the sink ${payload.sink}`]),
    ];
    if (foreign.length === 0) continue;
    add(context, file, 'digest_foreign', `speaks about ${foreign.join(' and ')}, which this archive is not`);
  }
}

function compareIdentity({ file, payload }: DigestRecord, context: ChainContext): void {
  const { identity, organization } = context;
  if (identity === undefined) return;
  const [ours, theirs] = [identity.organization.id, payload.organization.id];
  const isSame =
    identity.ledgerId === payload.ledgerId && (ours === null || theirs === null || ours === theirs);
  if (isSame) return;
  context.findings.add({
    code: 'identity_mismatch',
    organization,
    object: identityKey(organization),
    message:
      `${identityKey(organization)} names the ledger ${identity.ledgerId} and the organization's id ${ours ?? 'unknown'}; ` +
      `the digest ${file.key} names ${payload.ledgerId} and ${theirs ?? 'unknown'}. One of them was altered, or copied here.`,
  });
}

function add(context: ChainContext, file: DigestFile, code: FindingCode, what: string): void {
  addDigestFinding(context, file, { code, what });
}
