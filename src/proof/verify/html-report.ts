/**
 * The report as one page that needs nothing else: no scripts, no fonts, no pictures from elsewhere. It is made to be printed and
 * filed. Everything that comes out of an archive is escaped.
 */
import { dayPlot } from './day-plot.ts';
import { escapeHtml } from './escape-html.ts';
import { findingCodes, type FindingCode } from './findings.ts';
import { reportStyle } from './report-style.ts';
import type { OrganizationReport, VerifyReport } from './report.ts';

export function htmlReport(reports: readonly VerifyReport[]): string {
  const isVerified = reports.every(({ verdict }) => verdict === 'verified');
  const title = `Audit log archive: ${isVerified ? 'verified' : 'verification failed'}`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    // Nothing in here runs or loads anything, even if something slipped through the escaping.
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${escapeHtml(title)}</title>`,
    `<style>${reportStyle}</style></head><body><main>`,
    ...reports.map(archiveSection),
    '</main></body></html>',
    '',
  ].join('\n');
}

function archiveSection(report: VerifyReport): string {
  const total = Object.values(report.findingCounts).reduce((sum, value) => sum + value, 0);
  const isVerified = report.verdict === 'verified';
  return [
    '<section>',
    `<h1>Verification of an audit log archive</h1><p class="source">${escapeHtml(report.source)}</p>`,
    `<p class="verdict ${report.verdict}">${isVerified ? 'Verified: nothing was found' : `Failed: ${plural(total, 'finding')}`}</p>`,
    isVerified
      ? ''
      : '<p>Nothing counts as proved while there is a finding. The numbers below are those of what was found, whatever it is.</p>',
    facts([
      ['Checked at', report.checkedAt],
      ['Checked with', `${report.program.name} ${report.program.version}`],
      ['Trusted keys', report.trustedKeys.length === 0 ? 'none was given' : report.trustedKeys.join(', ')],
    ]),
    findingsPart(report),
    list('What was proved', report.proved),
    list('What was not proved', report.notProved),
    list(
      'Notes',
      report.notes.map(({ message }) => message),
    ),
    ...report.organizations.map(organizationPart),
    repeatPart(report),
    '</section>',
  ].join('\n');
}

function findingsPart({ findings, findingCounts }: VerifyReport): string {
  if (findings.length === 0) return '';
  const rows = findings.map(({ code, message }) => [whole(code), escapeHtml(message)]);
  const kinds = Object.entries(findingCounts).map(([code, value]) => [
    whole(code),
    count(value),
    escapeHtml(findingCodes[code as FindingCode]),
  ]);
  const total = Object.values(findingCounts).reduce((sum, value) => sum + value, 0);
  const left = total - findings.length;
  return [
    '<h2>Findings</h2>',
    table(['Kind', 'How often', 'What it means'], kinds, [1]),
    left === 0
      ? '<h3>One by one, in the order of objects</h3>'
      : `<h3>The first of each kind, in the order of objects; ${count(left)} more are counted above</h3>`,
    table(['Kind', 'Finding'], rows),
  ].join('\n');
}

function organizationPart(organization: OrganizationReport): string {
  const { range, digests, notYetSigned } = organization;
  return [
    `<h2>Organization ${escapeHtml(organization.name)}</h2>`,
    facts([
      ['Id', organization.id ?? 'not known'],
      ['Ledger', organization.ledgerId ?? 'not known'],
      ['Sink', organization.sink ?? 'not known'],
      ['Entries found', `${count(organization.entries)} in ${plural(organization.objects, 'object')}`],
      [
        'Range',
        range === null
          ? 'empty'
          : `${range.firstDay} to ${range.lastDay}, sequences ${range.firstSequence} to ${range.lastSequence}`,
      ],
      ['Size', `${count(organization.rawBytes)} bytes of entries, ${count(organization.storedBytes)} stored`],
      [
        'Not yet signed',
        notYetSigned.objects === 0
          ? 'nothing'
          : `${plural(notYetSigned.objects, 'object')}, ${count(notYetSigned.entries)} entries`,
      ],
      ['Digests', `${count(digests.count)}, of which ${count(digests.signed)} are signed`],
    ]),
    dayPlot(organization.days),
    keysPart(organization),
    digestsPart(organization),
  ].join('\n');
}

function keysPart({ keys }: OrganizationReport): string {
  if (keys.length === 0) return '';
  return [
    '<h3>Keys</h3>',
    table(
      ['Key id', 'Digests', 'Signatures'],
      keys.map(({ keyId, firstDigest, lastDigest, isChecked }) => [
        hash(keyId),
        firstDigest === lastDigest ? String(firstDigest) : `${firstDigest} to ${lastDigest}`,
        isChecked ? 'checked' : 'not checked',
      ]),
    ),
  ].join('\n');
}

function digestsPart({ digests }: OrganizationReport): string {
  if (digests.listed.length === 0) return '';
  const rows = digests.listed
    .toReversed()
    .map((digest) => [
      String(digest.number),
      time(digest.createdAt),
      escapeHtml(digest.reason),
      String(digest.objects),
      String(digest.throughSequence),
      hash(digest.sha256),
      digest.keyId === null ? 'not signed' : whole(digest.keyId.slice(0, 12)),
    ]);
  const shown =
    digests.listed.length < digests.count
      ? `: the newest ${digests.listed.length} of ${count(digests.count)}`
      : '';
  return [
    `<h3>Digests${shown}</h3>`,
    table(
      ['Number', 'Made at', 'Reason', 'Objects', 'Last sequence', 'Payload SHA-256', 'Key id begins'],
      rows,
      [0, 3, 4],
    ),
  ].join('\n');
}

function repeatPart(report: VerifyReport): string {
  const newest = report.organizations.flatMap(({ digests }) => digests.newest ?? []);
  const command = [
    'ccloud-audit verify',
    shellWord(report.source),
    report.trustedKeys.length === 0 ? '--allow-unsigned' : '--key archive-key.pub.pem',
    ...newest.map(({ sha256 }) => `--head ${sha256}`),
    `--to ${newest.map(({ createdAt }) => createdAt).toSorted()[0] ?? report.checkedAt}`,
  ];
  return [
    '<h2>How to repeat this</h2>',
    '<p>On the archive or any copy of it; a copy in another place or under another prefix verifies too. Nothing but the public key is needed.</p>',
    `<pre>${command.map(escapeHtml).join(' \\\n  ')}</pre>`,
    "<p>Compare the key ids on this page with what <code>ccloud-audit key show</code> prints where the exporter runs, and the newest payload SHA-256 with the exporter's logs.</p>",
  ].join('\n');
}

function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function facts(pairs: readonly (readonly [name: string, value: string])[]): string {
  return `<dl>${pairs.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('')}</dl>`;
}

function list(title: string, sentences: readonly string[]): string {
  if (sentences.length === 0) return '';
  return `<h2>${escapeHtml(title)}</h2><ul>${sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join('')}</ul>`;
}

/** Cells are HTML already. */
function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: readonly number[] = [],
): string {
  const kind = (index: number): string => (numbers.includes(index) ? ' class="number"' : '');
  return [
    '<table><thead><tr>',
    ...titles.map((title, index) => `<th scope="col"${kind(index)}>${escapeHtml(title)}</th>`),
    '</tr></thead><tbody>',
    ...rows.map(
      (cells) =>
        `<tr>${cells.map((cell, index) => `<td data-title="${escapeHtml(titles[index] ?? '')}"${kind(index)}>${cell}</td>`).join('')}</tr>`,
    ),
    '</tbody></table>',
  ].join('');
}

function hash(text: string): string {
  return `<code class="hash">${escapeHtml(text)}</code>`;
}

function time(text: string): string {
  return `<span class="whole">${escapeHtml(text)}</span>`;
}

/** A word that is not broken over two lines. */
function whole(text: string): string {
  return `<code class="whole">${escapeHtml(text)}</code>`;
}

function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
