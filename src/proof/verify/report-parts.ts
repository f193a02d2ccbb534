/** Out of what was seen, what is told: numbers by organization, and sentences about what they prove. */
import type { DigestRecord } from './digest-chain.ts';
import type { DigestMention, KeyReport, OrganizationReport } from './report.ts';
import type { VerifiedArchive, VerifyOptions } from './verify-archive.ts';

const digestsListed = 50;

export function organizationReport(
  { group, records, walk }: VerifiedArchive,
  given: ReadonlySet<string>,
): OrganizationReport {
  const days = [...walk.days]
    .map(([day, counts]) => ({ day, ...counts }))
    .toSorted((one, other) => (one.day < other.day ? -1 : 1));
  const [first, last] = [days[0], days.at(-1)];
  const { firstSequence, lastSequence } = walk;
  const hasRange =
    first !== undefined && last !== undefined && firstSequence !== undefined && lastSequence !== undefined;
  return {
    name: group.organization,
    id: group.identity?.organization.id ?? records[0]?.payload.organization.id ?? null,
    ledgerId: group.identity?.ledgerId ?? records[0]?.payload.ledgerId ?? null,
    sink: records[0]?.payload.sink ?? null,
    objects: walk.objects,
    entries: walk.entries,
    rawBytes: walk.rawBytes,
    storedBytes: walk.storedBytes,
    range: hasRange ? { firstSequence, lastSequence, firstDay: first.day, lastDay: last.day } : null,
    digests: {
      count: records.length,
      signed: records.filter(({ signature }) => signature.state !== 'none').length,
      first: mention(records[0]),
      newest: mention(records.at(-1)),
      listed: records.slice(-digestsListed).map((record) => ({
        ...mentionOf(record),
        reason: record.payload.reason,
        objects: record.objectCount,
        throughSequence: record.payload.through.sequence,
      })),
    },
    keys: keyReports(records, given),
    notYetSigned: walk.notYetSigned,
    days,
  };
}

function mention(record: DigestRecord | undefined): DigestMention | null {
  return record === undefined ? null : mentionOf(record);
}

function mentionOf({ file, payload, sha256, signature }: DigestRecord): DigestMention {
  const keyId = signature.state === 'none' ? null : signature.keyId;
  return { number: file.number, createdAt: payload.createdAt, sha256, keyId };
}

/** One for each run of digests with the same key. */
function keyReports(records: readonly DigestRecord[], given: ReadonlySet<string>): KeyReport[] {
  const runs: KeyReport[] = [];
  for (const { file, signature } of records) {
    if (signature.state === 'none') continue;
    const { keyId } = signature;
    const last = runs.at(-1);
    const isChecked = signature.state === 'good' && given.size > 0;
    if (last?.keyId === keyId) {
      runs[runs.length - 1] = { ...last, lastDigest: file.number, isChecked: last.isChecked && isChecked };
    } else runs.push({ keyId, firstDigest: file.number, lastDigest: file.number, isChecked });
  }
  return runs;
}

export function provedSentences(
  organizations: readonly OrganizationReport[],
  options: Pick<VerifyOptions, 'keys' | 'lock'> & { readonly areVersionsChecked: boolean },
): string[] {
  const sentences = organizations.flatMap((organization) => provedOf(organization, options));
  if (options.areVersionsChecked)
    sentences.push('No object was replaced or deleted, as far as the store keeps versions.');
  if (options.lock !== undefined)
    sentences.push('Every object has the protection that was expected of the store (Object Lock).');
  return sentences;
}

function provedOf(
  { name, range, entries, objects, digests, notYetSigned }: OrganizationReport,
  { keys }: Pick<VerifyOptions, 'keys'>,
): string[] {
  if (range === null) {
    return [
      `${name}: the archive holds no entry, and its ${plural(digests.count, 'digest')} ${digests.count === 1 ? 'says' : 'say'} so.`,
    ];
  }
  const isSigned = digests.signed > 0 && keys.length > 0;
  const signed = entries - notYetSigned.entries;
  return [
    `${name}: ${count(signed)} entries in ${plural(objects - notYetSigned.objects, 'object')} are, byte for byte, those that the exporter ${isSigned ? 'signed' : 'listed in its digests'}` +
      ` (sequences ${range.firstSequence} to ${range.lastSequence - notYetSigned.entries}). None was altered, removed, added or reordered since.`,
    chainSentence(name, digests),
    `${name}: no entry occurs twice.`,
  ];
}

export function notProvedSentences(
  organizations: readonly OrganizationReport[],
  options: Pick<VerifyOptions, 'keys' | 'heads' | 'allowUnsigned'>,
): string[] {
  const pending = organizations.filter(({ notYetSigned }) => notYetSigned.objects > 0);
  const unsigned = organizations.filter(({ digests }) => digests.signed === 0 && digests.count > 0);
  const partly = organizations.filter(({ digests }) => digests.signed > 0 && digests.signed < digests.count);
  const isUnchecked = options.keys.length === 0 && organizations.some(({ digests }) => digests.signed > 0);
  return [
    'That the exporter received everything that the Cloud API has. This needs the source: it is what reconcile compares.',
    'What entries were before the exporter signed them.',
    ...((options.heads ?? []).length > 0
      ? []
      : [
          'That no digests were removed from the end, beyond what their age tells. Give the hash of a later digest, as the logs show it, with --head.',
        ]),
    ...unsigned.map(
      ({ name }) =>
        `${name}: who made the archive. Its digests are not signed, so all of it could have been made anew.`,
    ),
    ...partly.map(
      ({ name, digests }) =>
        `${name}: who made the ${plural(digests.count - digests.signed, 'digest')} without a signature.`,
    ),
    ...(isUnchecked ? ['Any signature: no public key was given.'] : []),
    ...pending.map(
      ({ name, notYetSigned }) =>
        `${name}: ${count(notYetSigned.entries)} entries that came after the newest digest. They are sound, and not signed yet.`,
    ),
  ];
}

function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function chainSentence(name: string, digests: OrganizationReport['digests']): string {
  const first = digests.first?.createdAt ?? '';
  if (digests.count === 1) return `${name}: its one digest, of ${first}, begins the chain.`;
  return `${name}: the ${count(digests.count)} digests from ${first} to ${digests.newest?.createdAt ?? ''} are one chain without gaps.`;
}
