/**
 * Who vouches for the digests of one archive: each is signed by the key that was trusted from the start or announced by the
 * key before.
 *
 * Trust goes both ways. Forward: a digest that is signed by a trusted key and announces the next key makes that one
 * trusted. Backward: a digest names the one before by hash, so a good signature vouches for everything before it. So the first key
 * is enough to verify an archive, and so is the newest.
 *
 * Hashes are over payloads, signatures are not in them: one that is taken away breaks no chain. So digests say from which
 * number on they are signed (`signedFrom`), and what is unsigned in there lost its signature.
 */
import type { ChainContext, DigestRecord } from './digest-chain.ts';
import { addDigestFinding, type DigestFile, type SignatureState } from './digest-reading.ts';
import type { FindingCode } from './findings.ts';

export function checkSignatures(records: readonly DigestRecord[], context: ChainContext): void {
  const removed = reportRemoved(records, context);
  const signed = records.filter(({ signature }) => signature.state !== 'none');
  if (records.length > 0 && signed.length === 0) return reportUnsigned(records.length, context);
  if (context.keys.length === 0) return reportKeyNotGiven(signed, context);
  const isTrusted = trustForward(records, context);
  const isVouched = vouched(records, isTrusted);
  const given = new Set(context.keys.map(({ keyId }) => keyId));
  const announced = records.at(-1)?.payload.nextKey?.keyId;
  const firstSigned = records.findIndex(({ signature }) => signature.state !== 'none');
  const beginning: DigestRecord[] = [];
  for (const [index, record] of records.entries()) {
    if (isTrusted[index] === true || removed.has(record)) continue;
    const isCovered = isVouched[index] === true;
    if (record.signature.state === 'none') {
      if (index < firstSigned && isCovered) beginning.push(record);
      else reportMissingSignature(record.file, context);
      continue;
    }
    reportSignature(record, context, {
      signature: record.signature,
      isCovered,
      next: records[index + 1],
      isWaiting: announced !== undefined && given.has(announced),
    });
  }
  noteBeginning(beginning, records[firstSigned], context);
}

/** Digests without a signature that a digest says were signed, themselves or a later one. */
function reportRemoved(records: readonly DigestRecord[], context: ChainContext): Set<DigestRecord> {
  const removed = new Set<DigestRecord>();
  let claim: { readonly from: number; readonly by: DigestFile } | undefined;
  for (const record of records.toReversed()) {
    const { file, payload, signature } = record;
    const { signedFrom, number } = payload;
    if (typeof signedFrom === 'number') {
      if (signedFrom < 1 || signedFrom > number)
        add(
          context,
          file,
          'digest_inconsistent',
          `says that digests are signed from number ${signedFrom} on`,
        );
      else if (claim === undefined || signedFrom < claim.from) claim = { from: signedFrom, by: file };
    }
    if (signature.state !== 'none' || claim === undefined || file.number < claim.from) continue;
    removed.add(record);
    const by = claim.by === file ? 'it says itself' : `${claim.by.key} says`;
    add(
      context,
      file,
      'signature_removed',
      `is not signed, and ${by} that it was when it was made: somebody removed the signature`,
    );
  }
  return removed;
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
  readonly signature: Exclude<SignatureState, { readonly state: 'none' }>;
  readonly isCovered: boolean;
  readonly next: DigestRecord | undefined;
  /** Whether the newest digest announces a key that was given, which nothing is signed by yet. */
  readonly isWaiting: boolean;
}

function reportSignature(
  { file, payload }: DigestRecord,
  context: ChainContext,
  place: SignaturePlace,
): void {
  const { signature } = place;
  switch (signature.state) {
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

/** They were made before there was a key, or by a program whose digests did not say whether there was one. */
function noteBeginning(
  beginning: readonly DigestRecord[],
  firstSigned: DigestRecord | undefined,
  { findings, organization }: ChainContext,
): void {
  const [first, last] = [beginning[0], beginning.at(-1)];
  if (first === undefined || last === undefined || firstSigned === undefined) return;
  const isOne = first === last;
  const which = isOne ? `digest ${first.file.number}` : `digests ${first.file.number} to ${last.file.number}`;
  const isSaid = beginning.every(({ payload }) => payload.signedFrom === null);
  findings.note({
    code: 'unsigned_beginning',
    organization,
    message:
      `In the archive of ${organization}, ${which} ${isOne ? 'is' : 'are'} not signed` +
      (isSaid
        ? `, and ${isOne ? 'says' : 'say'} so: there was no key yet. `
        : `. Whether there was no key yet, or signatures were removed, can't be told: no digest says. `) +
      `Signed digests from number ${firstSigned.file.number} on vouch for ${isOne ? 'it' : 'them'} by hash, so what ${isOne ? 'it lists' : 'they list'} is what it was when those were made.`,
  });
}

function reportMissingSignature(file: DigestFile, context: ChainContext): void {
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
  const none =
    count === 1
      ? `The one digest of ${organization} is not`
      : `None of the ${count} digests of ${organization} is`;
  const message = `${none} signed: the chain shows accidents, but whoever can write here could have made all of it anew.`;
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
  addDigestFinding(context, file, { code, what });
}
