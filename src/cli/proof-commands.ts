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
];
