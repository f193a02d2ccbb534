import type { LoadedConfig } from '../../config/load.ts';
import { createAuditSource } from '../cloud-api/index.ts';
import type { CliContext } from './context.ts';
import { sourceOptions } from './source-options.ts';

/** One connection that `config check` tries. */
export interface ConnectionCheck {
  /** `organization acme`, `store`, `sink archive`. */
  readonly subject: string;
  /** Tries it and says what was found; rejects with the error of a failed attempt. */
  readonly run: (context: CliContext) => Promise<string>;
}

/** Every connection of a configuration, in the order in which the program would need them. */
export function connectionChecks(loaded: LoadedConfig): readonly ConnectionCheck[] {
  return organizationChecks(loaded);
}

function organizationChecks(loaded: LoadedConfig): readonly ConnectionCheck[] {
  const { config, implicitKey } = loaded;
  const keys =
    implicitKey === undefined
      ? config.organizations.map(({ name, apiKey }) => ({ subject: `organization ${name}`, apiKey }))
      : [{ subject: 'organization', apiKey: implicitKey }];
  return keys.map(({ subject, apiKey }) => ({
    subject,
    async run({ signal }) {
      const source = createAuditSource(sourceOptions(config.api, apiKey));
      try {
        const organization = await source.organization({ signal });
        // Reading a page is the only thing that shows the role.
        await source.auditLogPage({ sortOrder: 'DESC', limit: 1, priority: 'tail', signal });
        return organization === undefined
          ? "the key may read the audit log; the API does not tell the organization's id"
          : `${organization.name} (${organization.id}); the key may read the audit log`;
      } finally {
        await source.close();
      }
    },
  }));
}
