/** What `verify` prints for people. */
import type { Finding } from '../../proof/verify/findings.ts';
import type { ProofVerdict } from '../../proof/verify/entry-proof.ts';
import type { OrganizationReport, VerifyReport } from '../../proof/verify/report.ts';
import { escapeForTerminal, escapeJson } from '../escape.ts';

/** Of one kind; the report has more. */
const findingsShown = 10;

export function reportText(report: VerifyReport): string {
  const total = Object.values(report.findingCounts).reduce((sum, value) => sum + value, 0);
  const verdict = report.verdict === 'verified' ? 'verified' : `FAILED, ${plural(total, 'finding')}`;
  return [
    line(`${report.source}: ${verdict}`),
    ...report.organizations.flatMap(organizationLines),
    ...section('Findings', findingLines(report)),
    ...section(
      'Notes',
      report.notes.map(({ message }) => `- ${message}`),
    ),
    ...section(
      'Proved',
      report.proved.map((sentence) => `- ${sentence}`),
    ),
    ...section(
      'Not proved',
      report.notProved.map((sentence) => `- ${sentence}`),
    ),
    '\n',
  ].join('');
}

function organizationLines(organization: OrganizationReport): string[] {
  const { name, id, range, digests, keys, notYetSigned } = organization;
  const entries =
    range === null
      ? 'no entries'
      : `${count(organization.entries)} entries in ${plural(organization.objects, 'object')}, ${range.firstDay} to ${range.lastDay}, sequences ${range.firstSequence} to ${range.lastSequence}`;
  const newest = digests.newest;
  return [
    line(`  ${name}${id === null ? '' : ` (${id})`}: ${entries}`),
    ...(newest === null
      ? []
      : [
          line(
            `    ${plural(digests.count, 'digest')}, ${digests.signed} signed; the newest is ${newest.number} of ${newest.createdAt}`,
          ),
          line(`    its payload SHA-256: ${newest.sha256}`),
        ]),
    ...keys.map(({ keyId, firstDigest, lastDigest, isChecked }) =>
      line(
        `    key ${keyId}: digests ${firstDigest} to ${lastDigest}${isChecked ? '' : ' (signatures not checked)'}`,
      ),
    ),
    ...(notYetSigned.objects === 0
      ? []
      : [
          line(
            `    not yet signed: ${plural(notYetSigned.objects, 'object')}, ${count(notYetSigned.entries)} entries`,
          ),
        ]),
  ];
}

function findingLines({ findings, findingCounts }: VerifyReport): string[] {
  const shown = new Map<string, number>();
  const listed = findings.filter(({ code }) => {
    const before = shown.get(code) ?? 0;
    shown.set(code, before + 1);
    return before < findingsShown;
  });
  const more = Object.entries(findingCounts).flatMap(([code, value]) =>
    value > findingsShown
      ? [`- ${code}: ${count(value - findingsShown)} more; --report lists more of them`]
      : [],
  );
  return [...listed.map((finding: Finding) => `- ${finding.code}: ${finding.message}`), ...more];
}

export function proofText(verdict: ProofVerdict): string {
  if (!verdict.isProved) return line(`NOT PROVED (${verdict.code}): ${verdict.message}`);
  const { organization, sequence, object, digest, keyId, raw } = verdict;
  return [
    line(
      `Proved: the entry below is entry ${sequence} of ${organization}, as it lay in ${object} when digest ${digest.number} of ${digest.createdAt} was ${keyId === null ? 'made' : 'signed'}.`,
    ),
    line(keyId === null ? 'The digest is not signed.' : `Signed by the key ${keyId}.`),
    line(`The digest's payload SHA-256: ${digest.sha256}`),
    '\n',
    `${escapeJson(raw)}\n`,
  ].join('');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [line(`  ${title}`), ...lines.map((text) => line(`    ${text}`))];
}

function line(text: string): string {
  return `${escapeForTerminal(text)}\n`;
}

function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
