/**
 * The digests of one archive as a chain: numbers without gaps, each naming the one before by hash, each signed by the key
 * that was trusted from the start or announced by the key before.
 *
 * Trust goes both ways. Forward: a digest that is signed by a trusted key and announces the next key makes that one
 * trusted. Backward: a digest names the one before by hash, so a good signature vouches for everything before it. So the first key
 * is enough to verify an archive, and so is the newest.
 */
import type { DigestPayload } from '../../archive/digest/digest-payload.ts';
import type { PublicKey } from '../../archive/digest/signing-key.ts';
import type { ArchiveIdentity } from '../../archive/archive-identity.ts';
import { identityKey } from '../../archive/layout.ts';
import { parseTimestamp } from '../../time.ts';
import {
  KnownKeys,
  readDigests,
  type DigestFile,
  type DigestReadContext,
  type SignatureState,
} from './digest-reading.ts';
import type { Finding, FindingCode } from './findings.ts';

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

/** Whether the one after vouches for each: it is vouched for or signed by a trusted key itself, and names it by hash. */
function vouched(records: readonly DigestRecord[], isTrusted: readonly boolean[]): boolean[] {
  const result = records.map(() => false);
  for (let index = records.length - 2; index >= 0; index -= 1) {
    const [record, next] = [records[index], records[index + 1]];
    const holds = isTrusted[index + 1] === true || result[index + 1] === true;
    result[index] = holds && record !== undefined && next?.payload.previous?.sha256 === record.sha256;
  }
  return result;
}

function checkSignatures(records: readonly DigestRecord[], context: ChainContext): void {
  const signed = records.filter(({ signature }) => signature.state !== 'none');
  if (records.length > 0 && signed.length === 0) return reportUnsigned(records.length, context);
  if (context.keys.length === 0) return reportKeyNotGiven(signed, context);
  const isTrusted = trustForward(records, context);
  const isVouched = vouched(records, isTrusted);
  const given = new Set(context.keys.map(({ keyId }) => keyId));
  const announced = records.at(-1)?.payload.nextKey?.keyId;
  const firstSigned = records.findIndex(({ signature }) => signature.state !== 'none');
  for (const [index, record] of records.entries()) {
    if (isTrusted[index] === true) continue;
    const isCovered = isVouched[index] === true;
    reportSignature(record, context, {
      isCovered,
      isBeforeSigning: index < firstSigned,
      next: records[index + 1],
      isWaiting: announced !== undefined && given.has(announced),
    });
  }
}

/** Which are signed by a key that was given, or announced by one that was trusted then. */
function trustForward(records: readonly DigestRecord[], context: ChainContext): boolean[] {
  const trusted = new Set(context.keys.map(({ keyId }) => keyId));
  const retired = new Set<string>();
  let before: string | undefined;
  return records.map(({ file, signature, payload }) => {
    if (signature.state !== 'good' || !trusted.has(signature.keyId)) return false;
    const { keyId } = signature;
    if (retired.has(keyId)) {
      add(context, file, 'key_retired', `is signed by the key ${keyId}, which an earlier digest replaced`);
    } else if (before !== undefined && before !== keyId && context.keys.some((key) => key.keyId === keyId)) {
      noteKeyChange(context, file, keyId, before);
    }
    before = keyId;
    if (payload.nextKey !== null && payload.nextKey.keyId !== keyId) {
      trusted.add(payload.nextKey.keyId);
      retired.add(keyId);
      retired.delete(payload.nextKey.keyId);
      before = payload.nextKey.keyId;
    }
    return true;
  });
}

function noteKeyChange(context: ChainContext, file: DigestFile, keyId: string, before: string): void {
  context.findings.note({
    code: 'key_changed',
    organization: context.organization,
    message: `From ${file.key} on the key is ${keyId}; no digest of the key before (${before}) announced it. It is accepted because it was given.`,
  });
}

interface SignaturePlace {
  readonly isCovered: boolean;
  readonly isBeforeSigning: boolean;
  readonly next: DigestRecord | undefined;
  /** Whether the newest digest announces a key that was given, which nothing is signed by yet. */
  readonly isWaiting: boolean;
}

function reportSignature(record: DigestRecord, context: ChainContext, place: SignaturePlace): void {
  const { file, signature, payload } = record;
  switch (signature.state) {
    case 'none':
      return reportMissingSignature(file, context, place);
    case 'bad':
      return add(
        context,
        file,
        'signature_invalid',
        `names the key ${signature.keyId}, and its signature is not that key's: it was altered after it was signed`,
      );
    case 'good':
    case 'unknown': {
      const { keyId } = signature;
      if (!place.isCovered) {
        return add(
          context,
          file,
          'signature_untrusted',
          `is signed by the key ${keyId}, which is not trusted${place.isWaiting ? '; the digests announce the key that was given, which has signed none yet: give the key before it too (--key)' : ''}`,
        );
      }
      const next = place.next === undefined ? undefined : keyIdOf(place.next.signature);
      if (place.next !== undefined && next !== keyId && payload.nextKey?.keyId !== next) {
        add(
          context,
          place.next.file,
          'key_unannounced',
          `is signed by another key than the one before it (${keyId}), which did not announce it`,
        );
      }
      return context.findings.note({
        code: 'older_key',
        organization: context.organization,
        message: `Digests of ${context.organization} before the key that was given are signed by ${keyId}. Their signatures were not checked by that key; later digests vouch for them by hash. Give its public key too (--key) to check both.`,
      });
    }
    default:
      return signature satisfies never;
  }
}

function keyIdOf(signature: SignatureState): string | undefined {
  return signature.state === 'none' ? undefined : signature.keyId;
}

function reportMissingSignature(file: DigestFile, context: ChainContext, place: SignaturePlace): void {
  if (place.isBeforeSigning && place.isCovered) {
    return context.findings.note({
      code: 'unsigned_beginning',
      organization: context.organization,
      message: `The first digests of ${context.organization} are not signed: there was no key yet. Later ones vouch for them by hash.`,
    });
  }
  if (context.allowUnsigned) {
    return context.findings.note({
      code: 'digest_unsigned',
      organization: context.organization,
      message: `The digest ${file.key} is not signed, which was allowed.`,
    });
  }
  return add(context, file, 'digest_unsigned', 'is not signed, and others are');
}

function reportUnsigned(count: number, { findings, organization, allowUnsigned }: ChainContext): void {
  const message = `None of the ${count} digests of ${organization} is signed: the chain shows accidents, but whoever can write here could have made all of it anew.`;
  if (allowUnsigned) findings.note({ code: 'archive_unsigned', organization, message });
  else {
    findings.add({
      code: 'archive_unsigned',
      organization,
      message: `${message} Configure signing.keyFile, or accept it with --allow-unsigned.`,
    });
  }
}

function reportKeyNotGiven(signed: readonly DigestRecord[], context: ChainContext): void {
  const { findings, organization, allowUnsigned } = context;
  const ids = new Set(signed.flatMap(({ signature }) => keyIdOf(signature) ?? []));
  if (ids.size === 0) return;
  const message = `The digests of ${organization} are signed (by ${[...ids].join(', ')}), and no public key was given, so no signature was checked.`;
  if (allowUnsigned) findings.note({ code: 'key_not_given', organization, message });
  else
    findings.add({
      code: 'key_not_given',
      organization,
      message: `${message} Give the key with --key FILE.`,
    });
}

function add(context: ChainContext, file: DigestFile, code: FindingCode, what: string): void {
  const finding: Finding = {
    code,
    organization: context.organization,
    object: file.key,
    message: `The digest ${file.key} ${what}.`,
  };
  context.findings.add(finding);
}
