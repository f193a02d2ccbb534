/** What the commands that talk to the Cloud API share: the client, and names for ids. */
import type { SecretSource } from '../../../config/secret.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import { createCloudApi, type CloudApi, type Cluster } from '../../cloud-api/index.ts';
import { UsageError } from '../../errors.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { load, loggerOf } from '../load.ts';
import { sourceOptions } from '../source-options.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Runs `work` with a client for the organization that `--organization` names, or the only one, and closes it. */
export async function withCloudApi<T>(
  context: CliContext,
  input: CommandInput,
  work: (api: CloudApi) => Promise<T>,
): Promise<T> {
  const loaded = await load(context);
  const api = createCloudApi({
    ...sourceOptions(loaded.config.api, chooseKey(loaded, input.text('organization'))),
    logger: loggerOf(context, loaded),
  });
  try {
    return await work(api);
  } finally {
    await api.close();
  }
}

/** The cluster that an id or a name means; a name serves where only one cluster has it. */
export async function findCluster(api: CloudApi, idOrName: string, signal: AbortSignal): Promise<Cluster> {
  if (uuid.test(idOrName)) return await api.getCluster(idOrName, { signal });
  const named = (await api.listClusters({ signal })).filter((cluster) => cluster.name === idOrName);
  const [only, another] = named;
  if (only === undefined) {
    throw new UsageError(
      `There is no cluster named "${idOrName}" that this key may see. \`ccloud-audit cluster list\` shows them.`,
      { code: 'cluster_unknown' },
    );
  }
  if (another !== undefined) {
    const ids = named.map((cluster) => cluster.id).join(', ');
    throw new UsageError(`${named.length} clusters are named "${idOrName}"; use an id: ${ids}.`, {
      code: 'cluster_ambiguous',
    });
  }
  return only;
}

/** The id alone, without asking for the cluster when an id was given. */
export async function clusterId(api: CloudApi, idOrName: string, signal: AbortSignal): Promise<string> {
  return uuid.test(idOrName) ? idOrName : (await findCluster(api, idOrName, signal)).id;
}

/** `acme-prod (0199…)`, or the id alone. */
export function clusterTitle(cluster: Cluster): string {
  return cluster.name === undefined ? cluster.id : `${cluster.name} (${cluster.id})`;
}

function chooseKey({ config, implicitKey }: LoadedConfig, name: string | undefined): SecretSource {
  const names = config.organizations.map((organization) => organization.name).join(', ');
  if (name !== undefined) {
    const chosen = config.organizations.find((organization) => organization.name === name);
    if (chosen !== undefined) return chosen.apiKey;
    throw new UsageError(
      `No organization "${name}" is configured${names === '' ? '' : `; there is ${names}`}.`,
      {
        code: 'organization_unknown',
      },
    );
  }
  const [only, another] = config.organizations;
  const key = implicitKey ?? only?.apiKey;
  if (key === undefined || another !== undefined) {
    throw new UsageError(`Several organizations are configured: ${names}. Choose one with --organization.`, {
      code: 'organization_needed',
    });
  }
  return key;
}
