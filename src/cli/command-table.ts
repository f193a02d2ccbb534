/** Every command. What is not in here does not exist; what is in here is in `--help`. */
import type { CommandEntry } from './command.ts';

export const commandTable: readonly CommandEntry[] = [
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
];
