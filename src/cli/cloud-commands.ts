/** The commands that talk to the Cloud API, for looking and for changing. */
import type { ArgumentEntry, CommandEntry, OptionEntry } from './command.ts';

const organization: OptionEntry = {
  flags: '--organization <name>',
  description: 'whose key to use, where several organizations are configured',
};
const passwordStdin: OptionEntry = {
  flags: '--password-stdin',
  description: 'read the password from stdin (else $COCKROACH_SQL_PASSWORD, else a prompt)',
};
const provider: OptionEntry = {
  flags: '--provider <provider>',
  description: 'GCP, AWS or AZURE',
  isRequired: true,
};
const cluster: ArgumentEntry = {
  name: '<id>',
  description: "the cluster's id, or its name where only one has it",
};
const user: ArgumentEntry = { name: '<name>', description: "the SQL user's name" };

const common = { group: 'Cloud API', formats: ['table', 'json', 'csv'] } as const;
const single = { group: 'Cloud API', formats: ['table', 'json'] } as const;

export const cloudCommands: readonly CommandEntry[] = [
  {
    ...common,
    path: 'audit list',
    summary: 'list audit log entries straight from the API',
    options: [
      {
        flags: '--starting-from <time>',
        description: 'a time, a date or an age such as 90d (default: now, or the beginning for ASC)',
      },
      {
        flags: '--sort-order <order>',
        description: 'oldest or newest first',
        choices: ['ASC', 'DESC'],
        default: 'DESC',
      },
      { flags: '--limit <count>', description: 'how many entries', default: '200' },
      organization,
    ],
    examples: [
      'ccloud-audit audit list --limit 20',
      'ccloud-audit audit list --starting-from 7d --sort-order ASC -o json',
    ],
    load: () => import('./commands/audit-list.ts'),
  },
  {
    ...common,
    path: 'cluster list',
    summary: 'list clusters',
    options: [
      { flags: '--show-inactive', description: 'deleted ones and those that failed, too' },
      organization,
    ],
    load: () => import('./commands/cluster-list.ts'),
  },
  {
    ...single,
    path: 'cluster get',
    aliases: ['info'],
    summary: 'show one cluster',
    arguments: [cluster],
    options: [organization],
    load: () => import('./commands/cluster-get.ts'),
  },
  {
    ...single,
    path: 'cluster create',
    summary: 'create a cluster',
    arguments: [{ name: '<name>', description: '6 to 20 lower-case letters, digits and dashes' }],
    options: [
      provider,
      {
        flags: '--region <region>',
        description: 'where, once for each; `region list` shows what there is',
        isRepeatable: true,
      },
      { flags: '--plan <plan>', description: 'BASIC, STANDARD or ADVANCED (default: BASIC)' },
      {
        flags: '--virtual-cpus <count>',
        description: 'STANDARD: the most it may use; ADVANCED: of each node',
      },
      { flags: '--spend-limit <cents>', description: 'US cents a month, before version 2024-09-16 only' },
      {
        flags: '--spec <file>',
        description: "the API's own `spec` as JSON or YAML, instead of the options above",
      },
      organization,
    ],
    examples: ['ccloud-audit cluster create acme-trial --provider GCP --region us-central1'],
    load: () => import('./commands/cluster-create.ts'),
  },
  {
    ...single,
    path: 'cluster delete',
    summary: 'delete a cluster and all its data',
    arguments: [cluster],
    options: [organization],
    load: () => import('./commands/cluster-delete.ts'),
  },
  {
    ...common,
    path: 'cluster nodes',
    summary: 'list the nodes of a cluster',
    arguments: [cluster],
    options: [organization],
    load: () => import('./commands/cluster-nodes.ts'),
  },
  {
    ...single,
    path: 'cluster set-spend-limit',
    summary: 'set the monthly spend limit of a Serverless cluster',
    arguments: [cluster, { name: '<cents>', description: 'US cents a month' }],
    options: [organization],
    load: () => import('./commands/cluster-set-spend-limit.ts'),
  },
  {
    ...common,
    path: 'cluster user list',
    summary: 'list the SQL users of a cluster',
    arguments: [cluster],
    options: [organization],
    load: () => import('./commands/cluster-user-list.ts'),
  },
  {
    ...single,
    path: 'cluster user create',
    summary: 'create a SQL user',
    arguments: [cluster, user],
    options: [passwordStdin, organization],
    examples: ['pass show audit | ccloud-audit cluster user create acme-trial auditor --password-stdin'],
    load: () => import('./commands/cluster-user-create.ts'),
  },
  {
    ...single,
    path: 'cluster user delete',
    summary: 'delete a SQL user',
    arguments: [cluster, user],
    options: [organization],
    load: () => import('./commands/cluster-user-delete.ts'),
  },
  {
    ...single,
    path: 'cluster user set-password',
    summary: "set a SQL user's password",
    arguments: [cluster, user],
    options: [passwordStdin, organization],
    load: () => import('./commands/cluster-user-set-password.ts'),
  },
  {
    ...common,
    path: 'region list',
    summary: 'list the regions that clusters can be in',
    options: [
      provider,
      { flags: '--serverless', description: 'only those with BASIC and STANDARD clusters' },
      organization,
    ],
    load: () => import('./commands/region-list.ts'),
  },
];
