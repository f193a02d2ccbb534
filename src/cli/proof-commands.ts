import type { CommandEntry } from './command.ts';

/** What proves that a copy is whole and unaltered, and what brings it back. */
export const proofCommands: readonly CommandEntry[] = [
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
];
