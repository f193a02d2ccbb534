import type { CommandEntry, OptionEntry } from './command.ts';

const giveUpAfter: OptionEntry = {
  flags: '--give-up-after <duration>',
  description: 'end after so long without progress, positions kept (default: 2m)',
};

/** What the program is for. */
export const exportCommands: readonly CommandEntry[] = [
  {
    path: 'run',
    group: 'Export',
    summary: 'the daemon: read new entries on a schedule and feed every sink',
    details:
      'Reads the past from where each organization starts and the tail for ever, re-scans, feeds every sink, and serves ' +
      'metrics, health and status. It degrades and goes on trying when the Cloud API, the store or a sink fails. SIGTERM ' +
      'stops it cleanly. --once: one sweep from the checkpoint, feed the sinks, exit.',
    options: [{ flags: '--once', description: 'one sweep, then exit' }, giveUpAfter],
    examples: ['ccloud-audit run --config ccloud-audit.yaml', 'ccloud-audit run --once'],
    load: () => import('./commands/run.ts'),
  },
  {
    path: 'backfill',
    group: 'Export',
    summary: 'export a range once, and exit when every sink holds it',
    details:
      'Without a range: everything up to now. Run twice it adds nothing; interrupted, it goes on where it was. A time is ' +
      'RFC 3339, a date or an age such as 90d; --from is inclusive, --to exclusive. A stdout sink prints the whole range ' +
      'each time. Where a daemon holds an organization or a sink, the backfill asks it to do the work and waits.',
    options: [
      { flags: '--from <time>', description: 'the first moment (default: where the organization starts)' },
      { flags: '--to <time>', description: 'the moment after the last (default: now)' },
      { flags: '--organization <name>', description: 'only these', isRepeatable: true },
      { flags: '--sink <name>', description: 'only these', isRepeatable: true },
      {
        flags: '--parallel <count>',
        description: 'parts of the past read at once, 1 to 32; the rate limit is shared (default: 4)',
      },
      { flags: '--dry-run', description: 'say what would be read; export nothing' },
      giveUpAfter,
    ],
    formats: ['table', 'json'],
    examples: ['ccloud-audit backfill', 'ccloud-audit backfill --from 90d --sink archive'],
    load: () => import('./commands/backfill.ts'),
  },
  {
    path: 'status',
    group: 'Export',
    summary: 'how far every organization is read and every sink is fed, and whether all is well',
    details:
      'Reads the store, so it tells about every process that uses it, and needs no API key. Where a running process holds ' +
      'an embedded store, it asks that process. Ends with 0 only if all is Running; with 3 when an organization is not; ' +
      'with 4 when all organizations are and a sink is not, or when the store is unavailable.',
    formats: ['table', 'json'],
    examples: ['ccloud-audit status --config ccloud-audit.yaml', 'ccloud-audit status -o json'],
    load: () => import('./commands/status.ts'),
  },
];
