import { isObject, Refusal } from './answer.ts';
import { usageLimitNames, type Cluster, type Hardware, type Plan } from './cluster.ts';
import { checkRegion, providersOf, type Provider } from './regions.ts';
import type { ApiVersion } from './versions.ts';

type Body = Readonly<Record<string, unknown>>;

/** What a body may set, at creation or later. */
export type ClusterSettings = Partial<
  Pick<
    Cluster,
    | 'plan'
    | 'cockroachVersion'
    | 'regions'
    | 'spendLimit'
    | 'usageLimits'
    | 'upgradeType'
    | 'deleteProtection'
    | 'parentId'
    | 'labels'
    | 'hardware'
  >
>;

export interface NewCluster {
  readonly name: string;
  readonly provider: Provider;
  readonly settings: ClusterSettings;
}

/** `POST /clusters`. The plan is taken from `spec.plan` (the schema) or from the top (the documentation's examples). */
export function newCluster(body: unknown, version: ApiVersion): NewCluster {
  const request = bodyObject(body);
  const name = member(request, 'name');
  if (typeof name !== 'string' || !/^\S+$/.test(name)) {
    throw new Refusal(
      'invalidArgument',
      'invalid argument: a cluster name is required and has no white space',
    );
  }
  if (version >= '2024-09-16' && !/^[a-z0-9](?:[a-z0-9-]{4,18})[a-z0-9]$/.test(name)) {
    throw new Refusal(
      'invalidArgument',
      'invalid argument: cluster name must be 6-20 characters of lower-case letters, digits and dashes',
    );
  }
  const provider = providersOf(version).find((known) => known === member(request, 'provider'));
  if (provider === undefined) throw enumRefusal(member(request, 'provider'));
  const spec = member(request, 'spec');
  if (!isObject(spec)) throw new Refusal('invalidArgument', 'invalid argument: spec is required');
  const hasServerless = isObject(member(spec, 'serverless'));
  if (hasServerless === isObject(member(spec, 'dedicated'))) {
    throw new Refusal('invalidArgument', 'invalid argument: spec needs one of serverless and dedicated');
  }
  const settings = clusterSettings({ plan: member(request, 'plan'), ...spec }, provider, version);
  if ((settings.regions?.size ?? 0) === 0) {
    throw new Refusal('invalidArgument', 'invalid argument: at least one region is required');
  }
  return { name, provider, settings: { plan: hasServerless ? 'BASIC' : 'ADVANCED', ...settings } };
}

/** `PATCH /clusters/{id}`, with or without the `spec` that some examples wrap it in. */
export function clusterChanges(body: unknown, provider: Provider, version: ApiVersion): ClusterSettings {
  const request = bodyObject(body);
  const spec = member(request, 'spec');
  return clusterSettings(isObject(spec) ? spec : request, provider, version);
}

/** `PUT /clusters/{id}/spend-limit`. */
export function spendLimitOf(body: unknown): number {
  const limit = wholeNumber(bodyObject(body), 'spend_limit');
  if (limit === undefined) throw new Refusal('invalidArgument', 'invalid argument: spend_limit is required');
  return limit;
}

export function bodyObject(body: unknown): Body {
  if (!isObject(body))
    throw new Refusal('invalidArgument', 'proto: syntax error (line 1:1): unexpected token');
  return body;
}

/** A member by its snake_case name or its camelCase one: the API reads both. */
export function member(body: Body, name: string): unknown {
  return body[name] ?? body[name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())];
}

function clusterSettings(spec: Body, provider: Provider, version: ApiVersion): ClusterSettings {
  const serverless = member(spec, 'serverless');
  const dedicated = member(spec, 'dedicated');
  const settings: { -readonly [Name in keyof ClusterSettings]: ClusterSettings[Name] } = {};
  const plan = member(spec, 'plan');
  if (plan !== undefined) settings.plan = planOf(plan, version);
  const protection = member(spec, 'delete_protection');
  if (protection !== undefined) settings.deleteProtection = oneOf(protection, ['ENABLED', 'DISABLED']);
  const parent = member(spec, 'parent_id');
  if (typeof parent === 'string') settings.parentId = parent;
  const labels = member(spec, 'labels');
  if (isObject(labels)) settings.labels = labels;
  return {
    ...settings,
    ...(isObject(serverless) ? serverlessSettings(serverless, provider) : {}),
    ...(isObject(dedicated) ? dedicatedSettings(dedicated, provider) : {}),
  };
}

function serverlessSettings(body: Body, provider: Provider): ClusterSettings {
  const regions = member(body, 'regions');
  const limit = wholeNumber(body, 'spend_limit');
  const usage = member(body, 'usage_limits');
  const upgrade = member(body, 'upgrade_type');
  return {
    ...(Array.isArray(regions)
      ? {
          regions: regionMap(
            regions.map((name) => [name, 0]),
            provider,
          ),
        }
      : {}),
    ...(limit === undefined ? {} : { spendLimit: limit }),
    ...(isObject(usage) ? { usageLimits: usageLimitsOf(usage) } : {}),
    ...(upgrade === undefined ? {} : { upgradeType: oneOf(upgrade, ['MANUAL', 'AUTOMATIC']) }),
  };
}

function dedicatedSettings(body: Body, provider: Provider): ClusterSettings {
  const nodes = member(body, 'region_nodes');
  const cockroachVersion = member(body, 'cockroach_version');
  const hardware = member(body, 'hardware');
  return {
    ...(isObject(nodes) ? { regions: regionMap(Object.entries(nodes), provider) } : {}),
    ...(typeof cockroachVersion === 'string' ? { cockroachVersion } : {}),
    ...(isObject(hardware) ? { hardware: hardwareOf(hardware) } : {}),
  };
}

function regionMap(
  entries: readonly (readonly unknown[])[],
  provider: Provider,
): ReadonlyMap<string, number> {
  return new Map(
    entries.map(([name, count]) => {
      if (typeof name !== 'string' || typeof count !== 'number') {
        throw new Refusal('invalidArgument', 'invalid argument: regions are names, nodes are counted');
      }
      checkRegion(name, provider);
      return [name, count];
    }),
  );
}

function usageLimitsOf(body: Body): NonNullable<Cluster['usageLimits']> {
  return Object.fromEntries(
    usageLimitNames.flatMap((name) => {
      const value = member(body, name);
      if (value === undefined || value === null) return [];
      // 64-bit numbers are strings in protobuf's JSON; numbers are read as well.
      const text = typeof value === 'number' ? String(value) : value;
      if (typeof text !== 'string' || !/^\d{1,19}$/.test(text)) throw invalidValue(name, value);
      return [[name, text]];
    }),
  );
}

function hardwareOf(body: Body): Hardware {
  const machine = member(body, 'machine_spec');
  const spec = isObject(machine) ? machine : {};
  const type = member(spec, 'machine_type');
  return {
    machineType: typeof type === 'string' ? type : 'n2-standard-4',
    numVirtualCpus: wholeNumber(spec, 'num_virtual_cpus') ?? 4,
    storageGib: wholeNumber(body, 'storage_gib') ?? 15,
    diskIops: wholeNumber(body, 'disk_iops') ?? 450,
  };
}

function planOf(value: unknown, version: ApiVersion): Plan {
  if (version >= '2024-09-16') return oneOf(value, ['BASIC', 'STANDARD', 'ADVANCED']);
  return oneOf(value, ['SERVERLESS', 'DEDICATED']) === 'DEDICATED' ? 'ADVANCED' : 'BASIC';
}

function wholeNumber(body: Body, name: string): number | undefined {
  const value = member(body, name);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 2_147_483_647) {
    throw invalidValue(name, value);
  }
  return value;
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw enumRefusal(value);
  return found;
}

function enumRefusal(value: unknown): Refusal {
  return new Refusal(
    'invalidArgument',
    `proto: (line 1:1): invalid value for enum type: ${JSON.stringify(value)}`,
  );
}

function invalidValue(name: string, value: unknown): Refusal {
  return new Refusal(
    'invalidArgument',
    `proto: (line 1:1): invalid value for ${name}: ${JSON.stringify(value)}`,
  );
}
