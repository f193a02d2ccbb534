/** Every command. What is not in here does not exist; what is in here is in `--help`. */
import { cloudCommands } from './cloud-commands.ts';
import type { CommandEntry } from './command.ts';
import { exportCommands } from './export-commands.ts';
import { proofCommands } from './proof-commands.ts';
import { storeCommands } from './store-commands.ts';

export const commandTable: readonly CommandEntry[] = [
  ...exportCommands,
  ...proofCommands,
  ...storeCommands,
  {
    path: 'config init',
    group: 'Setup',
    summary: 'write a commented starter file',
    details: 'Writes to FILE, or to stdout without one. An existing file is never replaced.',
    arguments: [{ name: '[file]', description: 'where to write it' }],
    examples: ['ccloud-audit config init ccloud-audit.yaml'],
    load: () => import('./commands/config-init.ts'),
  },
  {
    path: 'config check',
    group: 'Setup',
    summary: 'validate the configuration and try every connection',
    details:
      'Missing tables and directories are made, as `run` would. Nothing is put into a bucket: whether it honours conditional writes ' +
      'is tried where the archive has begun, on its archive.json; of a new one the first run tells, before it archives an entry.',
    options: [{ flags: '--offline', description: 'validate only; connect to nothing' }],
    formats: ['table', 'json'],
    examples: ['ccloud-audit config check --config ccloud-audit.yaml'],
    load: () => import('./commands/config-check.ts'),
  },
  {
    path: 'config show',
    group: 'Setup',
    summary: 'print the configuration in force, secrets hidden',
    details:
      'Every default is filled in, flags and environment variables are applied. As YAML, or as JSON with -o json.',
    formats: ['table', 'json'],
    load: () => import('./commands/config-show.ts'),
  },
  {
    path: 'config schema',
    group: 'Setup',
    summary: 'print a JSON Schema of the file, for editors',
    load: () => import('./commands/config-schema.ts'),
  },
  ...cloudCommands,
  {
    path: 'sandbox',
    group: 'Trying out',
    summary: 'run a local stand-in for the Cloud API',
    details:
      'Serves a made-up organization with a history of audit log entries, for trying things out and for tests. ' +
      'It prints the two variables to set. The same seed gives the same entries.',
    options: [
      { flags: '--port <port>', description: 'the port to listen on (default: any free one)' },
      { flags: '--host <host>', description: 'the address to listen on (default: 127.0.0.1)' },
      { flags: '--entries <count>', description: 'entries in the history (default: 1000)' },
      { flags: '--grow <per-second>', description: 'new entries a second (default: none)' },
      { flags: '--seed <number>', description: 'another history for another number (default: 1)' },
      {
        flags: '--trap <name>',
        isRepeatable: true,
        description:
          'misbehave: `reset`, `reset=0.05` (that often), `reset=1/7`, `reset=x2`; `--trap help` lists them',
      },
      { flags: '--rate-limit <per-second>', description: 'refuse more requests than this (default: none)' },
      { flags: '--latency <ms>', description: 'how long every answer takes (default: 0)' },
    ],
    formats: ['table', 'json'],
    examples: [
      'ccloud-audit sandbox --port 8080 --entries 10000 --grow 2',
      'ccloud-audit sandbox --trap inclusive --trap reset=1/7',
    ],
    load: () => import('./commands/sandbox.ts'),
  },
];
