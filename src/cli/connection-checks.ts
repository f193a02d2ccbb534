import type { FileSinkConfig, S3SinkConfig, SinkConfig } from '../../config/config.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { identityOf, tryClaim } from '../archive/archive-identity.ts';
import { createFileObjectStore } from '../archive/file-object-store.ts';
import type { ObjectStore } from '../archive/object-store.ts';
import { createAuditSource } from '../cloud-api/index.ts';
import { buildSink } from '../exporter/build-sinks.ts';
import { openStore, type OpenStore } from '../exporter/open-ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { listOrganizations } from '../ledger/organizations.ts';
import type { CliContext } from './context.ts';
import { loggerOf } from './load.ts';
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
  return [...organizationChecks(loaded), ...storeChecks(loaded)];
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

/** The store and the sinks, which may share it. Opening makes what is missing, as `run` would. */
function storeChecks(loaded: LoadedConfig): readonly ConnectionCheck[] {
  const { config } = loaded;
  const withStore = async <T>(context: CliContext, use: (store: OpenStore) => Promise<T>): Promise<T> => {
    const store = await openStore({
      store: config.store,
      leaseMs: config.leaseMs,
      logger: loggerOf(context, loaded),
      command: 'ccloud-audit config check',
      create: true,
      signal: context.signal,
    });
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  };
  const storeCheck: ConnectionCheck = {
    subject: 'store',
    run: (context) =>
      withStore(context, async ({ ledger, database }) => {
        const organizations = await listOrganizations(ledger);
        return `${database.kind} ${database.fingerprint}, schema ${ledger.schema}; ${organizations.length} ${organizations.length === 1 ? 'organization' : 'organizations'} in it`;
      }),
  };
  const sinkChecks = config.sinks.map((sinkConfig): ConnectionCheck => ({
    subject: `sink ${sinkConfig.name}`,
    run: (context) =>
      withStore(context, async ({ database, ledger }) => {
        const sink = await buildSink(sinkConfig, { storeDatabase: database, stdout: context.stdout });
        try {
          await sink.open({ signal: context.signal });
          const names = sinkConfig.organizations ?? config.organizations.map(({ name }) => name);
          const archive = await archiveState(sinkConfig, { names, ledger, signal: context.signal });
          return `${sink.fingerprint}${lockMode(sinkConfig)}${archive}`;
        } finally {
          await sink.close();
        }
      }),
  }));
  return [storeCheck, ...sinkChecks];
}

/**
 * What is there under the names that will be written to. Nothing is put where nothing is: an object can't be taken back from
 * everywhere.
 */
async function archiveState(
  sink: SinkConfig,
  {
    names,
    ledger,
    signal,
  }: { readonly names: readonly string[]; readonly ledger: Ledger; readonly signal: AbortSignal },
): Promise<string> {
  if (sink.type !== 's3' && sink.type !== 'file') return '';
  const store = await archiveStore(sink);
  try {
    const states: string[] = [];
    for (const organization of names) {
      const claim = identityOf({ organization, organizationId: undefined, ledgerId: ledger.ledgerId });
      states.push(await tryClaim(store, claim, { signal }));
    }
    if (sink.type === 'file') return '';
    if (!store.isConditional) return '; conditional writes: off';
    return states.includes('honoured')
      ? '; conditional writes: honoured'
      : '; conditional writes: tried by the first run, since nothing is written here';
  } finally {
    await store.close();
  }
}

async function archiveStore(sink: S3SinkConfig | FileSinkConfig): Promise<ObjectStore> {
  if (sink.type === 'file') return createFileObjectStore({ directory: sink.directory });
  // The AWS SDK is large; who has no bucket does not load it.
  const { createS3ObjectStore } = await import('../archive/s3-object-store.ts');
  return createS3ObjectStore(sink);
}

function lockMode(sink: SinkConfig): string {
  if (sink.type !== 's3') return '';
  return `; Object Lock: ${sink.objectLock === undefined ? 'not set by this program' : sink.objectLock.mode}`;
}
