/** The commands for operators: they look at the store, and move what is in it. None of them needs an API key. */
import type { ArgumentEntry, CommandEntry, OptionEntry } from './command.ts';

const organization: ArgumentEntry = { name: '<organization>', description: 'its name in the configuration' };
const sink: ArgumentEntry = { name: '<sink>', description: 'its name in the configuration' };
const onlyOrganization: OptionEntry = { flags: '--organization <name>', description: 'only this one' };
const skip: OptionEntry = { flags: '--skip', description: 'leave out what lies between' };

const listing = { group: 'Positions', formats: ['table', 'json', 'csv'] } as const;
const change = { group: 'Positions', formats: ['table', 'json'] } as const;

const underLease = 'Refused (exit code 5) while another process works from it. It is journalled.';

export const storeCommands: readonly CommandEntry[] = [
  {
    path: 'query',
    group: 'Export',
    summary: 'run one read-only SQL statement on the store',
    details:
      'The views `entries`, `changes`, `parked` and `journal` are found by these names, tables elsewhere in the same ' +
      'database as schema.table. SELECT, WITH, VALUES, TABLE, EXPLAIN and SHOW; nothing that changes anything is run. At most ' +
      '100,000 rows (1,000 as a table on a terminal) and 64 MiB; stderr says when there is more. In JSON, integers of 64 bits ' +
      'are text, so that none is rounded.',
    arguments: [{ name: '<sql>', description: 'the statement, as one argument' }],
    options: [{ flags: '--limit <rows>', description: 'rows at most' }],
    formats: ['table', 'json', 'csv'],
    examples: [
      'ccloud-audit query "SELECT organization, count(*) FROM entries GROUP BY 1"',
      'ccloud-audit query "SELECT at, what, detail FROM journal ORDER BY at DESC" --limit 20',
    ],
    load: () => import('./commands/query.ts'),
  },
  {
    path: 'entry show',
    group: 'Export',
    summary: 'show one entry: raw text, sequence, hashes, and where each sink has it',
    details:
      'By the id that the API gave it; exit code 2 where the store has none of that id. On screen, characters that a terminal would ' +
      'obey are written as escapes; with -o json the field "raw" holds the exact text.',
    arguments: [{ name: '<id>', description: "the entry's id, or sha256:… for an entry without one" }],
    options: [onlyOrganization],
    formats: ['table', 'json'],
    examples: ['ccloud-audit entry show 0b5c2c5e-6c2b-4f3c-9f34-5b1f0c5f2a11'],
    load: () => import('./commands/entry-show.ts'),
  },
  {
    ...listing,
    path: 'checkpoint list',
    summary: 'show what time was read, and where reading goes on',
    load: () => import('./commands/checkpoint-list.ts'),
  },
  {
    ...change,
    path: 'checkpoint set',
    summary: "move an organization's checkpoint",
    details: `Backward is harmless: known entries drop. Forward leaves entries out and wants --skip. ${underLease}`,
    arguments: [organization, { name: '<time>', description: 'RFC 3339, kept as it is written' }],
    options: [skip],
    examples: ['ccloud-audit checkpoint set acme 2024-01-31T00:00:00Z'],
    load: () => import('./commands/checkpoint-set.ts'),
  },
  {
    ...change,
    path: 'checkpoint reset',
    summary: 'have everything read from the Cloud API once more',
    details: `Forgets what time was read, not what was read: known entries drop. ${underLease}`,
    arguments: [organization],
    load: () => import('./commands/checkpoint-reset.ts'),
  },
  {
    ...listing,
    path: 'offset list',
    summary: 'show how far each sink has got',
    load: () => import('./commands/offset-list.ts'),
  },
  {
    ...change,
    path: 'offset set',
    summary: "move a sink's offset, the last sequence that it holds",
    details: `Back, the sink gets entries once more; forward leaves entries out and wants --skip. An archive's offset can't be moved. ${underLease}`,
    arguments: [
      organization,
      sink,
      { name: '<sequence>', description: 'the last sequence that counts as held' },
    ],
    options: [skip],
    examples: ['ccloud-audit offset set acme warehouse 12000'],
    load: () => import('./commands/offset-set.ts'),
  },
  {
    ...change,
    path: 'offset reset',
    summary: 'have a sink get everything once more',
    details: `Back to where the sink began, or to where the last move forward put it. ${underLease}`,
    arguments: [organization, sink],
    load: () => import('./commands/offset-reset.ts'),
  },
  {
    ...listing,
    path: 'parked list',
    summary: 'show the entries that a sink can never take, with the reason',
    load: () => import('./commands/parked-list.ts'),
  },
  {
    ...listing,
    path: 'parked retry',
    summary: 'give parked entries to their sink once more',
    details: 'What the sink takes is parked no more; exit code 7 where something remains.',
    options: [onlyOrganization, { flags: '--sink <name>', description: 'only this one' }],
    load: () => import('./commands/parked-retry.ts'),
  },
  {
    ...change,
    path: 'sink retire',
    summary: 'say that a sink gets nothing any more',
    details: `It then no longer holds back what store.retention may prune. What it wrote stays. ${underLease}`,
    arguments: [sink],
    options: [onlyOrganization],
    load: () => import('./commands/sink-retire.ts'),
  },
  {
    path: 'organization rename',
    group: 'Setup',
    summary: 'give an organization another name',
    details:
      'Its ledger stays. Refused while an archive object is begun and not finished, or while another process works for it.',
    arguments: [
      { name: '<from>', description: 'the name in the store' },
      { name: '<to>', description: 'the new name: a-z, 0-9 and dashes' },
    ],
    formats: ['table', 'json'],
    load: () => import('./commands/organization-rename.ts'),
  },
  {
    path: 'store migrate',
    group: 'Setup',
    summary: "bring the store's tables up to date, and do nothing else",
    formats: ['table', 'json'],
    load: () => import('./commands/store-migrate.ts'),
  },
  {
    path: 'store copy',
    group: 'Setup',
    summary: 'copy the store to an empty schema of a PostgreSQL server',
    details:
      'From an embedded store or from another server. Everything is copied and compared; the ledger keeps its id, so archives go on. ' +
      'The old store stays as it was. Stop the exporter before. A password comes from PGPASSWORD or --url-file.',
    arguments: [{ name: '[to-url]', description: 'postgres://user@host/database, without a password' }],
    options: [{ flags: '--url-file <file>', description: 'a file that holds the URL' }],
    formats: ['table', 'json'],
    examples: ['ccloud-audit store copy "postgres://audit@db.example/audit?sslmode=verify-full"'],
    load: () => import('./commands/store-copy.ts'),
  },
];
