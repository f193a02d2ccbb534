import type { CommandEntry } from './command.ts';

/** What proves that a copy is whole and unaltered, and what brings it back. */
export const proofCommands: readonly CommandEntry[] = [
  {
    path: 'verify',
    group: 'Proof',
    summary: 'check that an archive, or a copy of it, is what the exporter signed',
    details:
      'Reads every digest and every object of a directory or bucket, with nothing but the public key, and reports what was altered, ' +
      'removed, added, doubled or reordered since it was signed; each kind of finding has its own code. Without an argument: every s3 ' +
      'and file sink of the configuration. The key is that of --key, else the public half of the configured one; rotations are followed. ' +
      'What came after the newest digest is told as not yet signed. The newest digest must be younger than 26 hours, or, with --to, ' +
      'reach that time (RFC 3339, a date or an age). Exit code 6 when something was found, a file or folder could not be read, or nothing was there; 4 when the place does not answer. It says nothing about ' +
      'whether the exporter got everything from the API. JSON: {"verdict", "archives": [{verdict, source, checkedAt, trustedKeys, organizations: ' +
      '[{name, id, ledgerId, sink, objects, entries, rawBytes, storedBytes, range, digests, keys, notYetSigned, days}], findings: [{code, ' +
      'message, organization, object, line}], findingCounts, notes, proved, notProved}]}; at most 100 findings of a kind are ' +
      'listed, counts are exact. With --entry: {kind, organization, sequence, raw, object, index, size, auditPath, digest, rotations}.',
    arguments: [{ name: '[place]', description: 'a directory, or s3://bucket/prefix' }],
    options: [
      { flags: '--key <file>', description: 'a public key in PEM that is trusted', isRepeatable: true },
      { flags: '--allow-unsigned', description: 'accept digests that were made without a signature' },
      { flags: '--organization <name>', description: 'only these', isRepeatable: true },
      { flags: '--to <time>', description: 'digests must reach this time; then their age does not matter' },
      {
        flags: '--head <sha256>',
        description: 'payload SHA-256 of a digest, out of the logs, that must be there',
        isRepeatable: true,
      },
      { flags: '--object-lock', description: 'every object must have Object Lock' },
      {
        flags: '--store',
        description:
          "compare with the exporter's store too: no digest may be missing, no object be one that it never planned",
      },
      { flags: '--report <file>', description: 'write a report: .html or .json', isRepeatable: true },
      { flags: '--entry <id>', description: 'print the proof that one entry is in the archive' },
      { flags: '--proof <file>', description: 'check such a proof, offline' },
      { flags: '--region <region>', description: "the bucket's region" },
      { flags: '--endpoint <url>', description: 'another S3-compatible store' },
      { flags: '--path-style', description: 'the bucket in the path instead of the host name' },
    ],
    formats: ['table', 'json'],
    examples: [
      'ccloud-audit verify ./archive --key archive-key.pub.pem',
      'ccloud-audit verify s3://acme-audit/cockroach-cloud --report evidence.html --to 2024-02-01',
      'ccloud-audit verify --entry 0b5c2c5e-6c2b-4f3c-9f34-5b1f0c5f2a11 > proof.json',
      'ccloud-audit verify --proof proof.json --key archive-key.pub.pem',
    ],
    load: () => import('./commands/verify.ts'),
  },
  {
    path: 'reconcile',
    group: 'Proof',
    summary: 'read a range from the API again and compare it with the ledger and every sink',
    details:
      'Compares by id, then by hash, in pages that are cut elsewhere than when they were read. Missing: the API has it, the ledger ' +
      'does not. Extra: the other way round; what is older than the oldest entry that the API still has is told as expired ' +
      'and is no difference. Changed: other content under a known id. Other bytes of the same content are counted only. ' +
      'Then every sink is asked for what it acknowledged, by hash; a stdout sink can not be. A time is RFC 3339, a date or an ' +
      'age such as 7d; what is newer than the last sweep is left out. Ends with 6 when a difference is left. --repair appends ' +
      'what is missing as late entries, without moving a position, and is refused (5) while another process reads the ' +
      'organization; a daemon repairs by itself with `reconcile.repair` in the configuration. JSON: {"organizations": [{organization, from, to, isCut, ' +
      'atSource, differences, repaired, missing, extra, changed, unread, drifted, recorded, expired: {count, entries: [{id, ' +
      'createdAt, sequence}]}, sinks: [{sink, type, isCompared, reason, compared, missing, altered, advice}]}]}; at most 100 ' +
      'entries of a kind are listed, counts are exact.',
    options: [
      { flags: '--from <time>', description: 'the first moment', isRequired: true },
      { flags: '--to <time>', description: 'the moment after the last (default: now)' },
      { flags: '--organization <name>', description: 'only these', isRepeatable: true },
      { flags: '--sink <name>', description: 'only these', isRepeatable: true },
      { flags: '--repair', description: 'append what is missing' },
    ],
    formats: ['table', 'json'],
    examples: [
      'ccloud-audit reconcile --from 7d',
      'ccloud-audit reconcile --from 2024-01-01 --to 2024-02-01 --sink archive -o json',
      'ccloud-audit reconcile --from 30d --repair',
    ],
    load: () => import('./commands/reconcile.ts'),
  },
  {
    path: 'key generate',
    group: 'Proof',
    summary: 'make a key that signs the digests of archives',
    details:
      'An Ed25519 key as PEM. FILE gets the private key, readable by this user only, and is never replaced; stdout gets the ' +
      'public part and its id. Without FILE, stdout gets the private key and stderr the public part.',
    arguments: [{ name: '[file]', description: 'where to write it' }],
    formats: ['table', 'json'],
    examples: ['ccloud-audit key generate archive-key.pem'],
    load: () => import('./commands/key-generate.ts'),
  },
  {
    path: 'key show',
    group: 'Proof',
    summary: 'print the public part of a signing key, and its id',
    details: 'Of the key in the configuration, or of the key in FILE, private or public.',
    arguments: [{ name: '[file]', description: 'a key in PEM' }],
    formats: ['table', 'json'],
    examples: ['ccloud-audit key show > archive-key.pub.pem', 'ccloud-audit key show archive-key.pem'],
    load: () => import('./commands/key-show.ts'),
  },
  {
    path: 'key rotate',
    group: 'Proof',
    summary: 'change the key that signs the digests of archives',
    details:
      'Stop the exporter. Run this with the old key still in signing.keyFile: every archive gets a digest that the old key signs ' +
      'and that names the new one. Then set signing.keyFile to the new key and start. Interrupted, it is run again. Without it the ' +
      'exporter refuses to start with another key, or with none. --accept is for a key that is lost: run it with the new key, or ' +
      'without one, configured; it goes on with that, the journal tells, and verifying reports that nothing announced it.',
    options: [
      { flags: '--to <file>', description: 'the new key, private or public part, in PEM' },
      { flags: '--accept', description: 'go on with what is configured, unannounced' },
      { flags: '--organization <name>', description: 'only this one' },
      { flags: '--sink <name>', description: 'only this one' },
    ],
    formats: ['table', 'json'],
    examples: ['ccloud-audit key rotate --to new-key.pem', 'ccloud-audit key rotate --accept --sink archive'],
    load: () => import('./commands/key-rotate.ts'),
  },
  {
    path: 'restore',
    group: 'Proof',
    summary: 'rebuild a lost store from an archive, or bring an older backup of it forward',
    details:
      'SOURCE is an archive sink of the configuration, a directory, or s3://bucket/prefix. The whole archive is verified first; any ' +
      'finding ends with 6 and changes nothing. Then entries get their sequences back, the archive sink goes on after its ' +
      'last object, and the ledger has its old id. The store must be empty, or an older state of the same ledger, which is ' +
      'compared and then brought forward. Interrupted, it can not be used by anybody until the same command has finished. ' +
      'Not in an archive are positions at the Cloud API (the next run reads everything once, ids drop the repeats), the journal, ' +
      'other contents of changed entries, and the exact position of entries without a time (they get the beginning of their ' +
      'day). Signatures are checked with --key, or with the configured signing key; --allow-unsigned goes on where the archive or ' +
      'a part of it is not signed although a key is known, or is signed and no key is. Entries behind the newest digest are not signed by anybody, the next digest would sign them, and ' +
      'who can write to the archive could have put them there: with a key they are refused, unless --allow-unsigned-end says otherwise; `reconcile` then tells which the Cloud API does not know. JSON: {"outcome": "restored" or "refused", ledgerId, organizations: [{organization, cloudId, restored, held, head, objects, digests, notYetSigned}], findings: [{code, message, organization, object}]}.',
    arguments: [{ name: '<source>', description: 'the archive' }],
    options: [
      {
        flags: '--sink <name>',
        description: 'the archive sink that goes on, where SOURCE is a copy of its archive',
      },
      {
        flags: '--organization <name>',
        description: 'only these, by every name that they had (default: all)',
        isRepeatable: true,
      },
      { flags: '--key <file>', description: 'a public key in PEM that is trusted', isRepeatable: true },
      { flags: '--allow-unsigned', description: 'restore without a good signature' },
      {
        flags: '--allow-unsigned-end',
        description: 'restore also the entries behind the newest digest, which nobody signed',
      },
      {
        flags: '--head <sha256>',
        description:
          'payload SHA-256, out of the logs, of what must be the newest digest (one per organization)',
        isRepeatable: true,
      },
      { flags: '--region <region>', description: 'of a bucket that is not in the configuration' },
      { flags: '--endpoint <url>', description: 'of a bucket elsewhere than at AWS' },
      { flags: '--path-style', description: 'the bucket in the path instead of the host name' },
    ],
    formats: ['table', 'json'],
    examples: [
      'ccloud-audit restore archive --config ccloud-audit.yaml',
      'ccloud-audit restore ./copy-of-the-archive --sink archive --key archive-key.pub',
      'ccloud-audit restore s3://acme-audit/cockroach-cloud',
    ],
    load: () => import('./commands/restore.ts'),
  },
];
