/** What to create, in the words of the version that is spoken (plans were renamed and spend limits dropped in 2024-09-16). */
import { UsageError } from '../errors.ts';
import type { JsonObject } from './json-body.ts';

/** Enums of the API are open: new values appear without a new version. */
export type CloudProvider = 'GCP' | 'AWS' | 'AZURE' | (string & {});
export type Plan = 'BASIC' | 'STANDARD' | 'ADVANCED' | 'SERVERLESS' | 'DEDICATED' | (string & {});

export interface CreateClusterRequest {
  readonly name: string;
  readonly provider: CloudProvider;
  /** The API's own `spec`, sent as it is, or what `clusterSpec` builds. */
  readonly spec: JsonObject;
}

export interface ClusterSpecOptions {
  /** The `Cc-Version` that the request will be sent with. */
  readonly version: string;
  /** Default: BASIC, under older versions SERVERLESS. Old and new names are translated into each other. */
  readonly plan?: Plan;
  /** Zone codes of the provider, e.g. `us-central1`. */
  readonly regions: readonly string[];
  readonly primaryRegion?: string;
  /** US cents a month; 0 is free. Only before 2024-09-16. */
  readonly spendLimitCents?: number;
  /** STANDARD: the most virtual CPUs it may use. ADVANCED: virtual CPUs of each node. */
  readonly virtualCpus?: number;
  /** ADVANCED: nodes in each region. Default 3. */
  readonly nodesPerRegion?: number;
  /** ADVANCED: storage of each node. Default: the least that the machine allows. */
  readonly storageGib?: number;
  readonly requestUnitLimit?: bigint;
  readonly storageMibLimit?: bigint;
}

/** The first version with BASIC, STANDARD and ADVANCED, and without spend limits. */
export const versionWithoutSpendLimit = '2024-09-16';

const oldNames: Readonly<Record<string, string>> = { BASIC: 'SERVERLESS', ADVANCED: 'DEDICATED' };
const newNames: Readonly<Record<string, string>> = { SERVERLESS: 'BASIC', DEDICATED: 'ADVANCED' };

/** Builds `spec` for a plan. Throws a UsageError for what the version or the plan does not have. */
export function clusterSpec(options: ClusterSpecOptions): JsonObject {
  if (options.regions.length === 0) throw new UsageError('A cluster needs at least one region.');
  const isNew = hasNoSpendLimit(options.version);
  const asked = (options.plan ?? 'BASIC').toUpperCase();
  const plan = (isNew ? newNames : oldNames)[asked] ?? asked;
  if (!isNew && plan === 'STANDARD') {
    throw new UsageError(
      `API version ${options.version} has no plan STANDARD; use ${versionWithoutSpendLimit}.`,
    );
  }
  const isDedicated = plan === 'ADVANCED' || plan === 'DEDICATED';
  // Older versions tell the plan by which of the two parts is there.
  const named = isNew ? { plan } : {};
  return isDedicated
    ? { ...named, dedicated: dedicatedPart(options) }
    : { ...named, serverless: serverlessPart(options, plan) };
}

export function hasNoSpendLimit(version: string): boolean {
  return version >= versionWithoutSpendLimit;
}

/** A spend limit is money: it is never left out silently. */
export function noSpendLimit(version: string): string {
  return `API version ${version} has no spend limit. Set usage limits instead (request units and storage), or ask with an older version: \`api.version: "2023-04-10"\`.`;
}

function serverlessPart(options: ClusterSpecOptions, plan: string): JsonObject {
  if (options.spendLimitCents !== undefined) {
    if (hasNoSpendLimit(options.version)) throw new UsageError(noSpendLimit(options.version));
    checkCents(options.spendLimitCents);
  }
  if (options.nodesPerRegion !== undefined || options.storageGib !== undefined) {
    throw new UsageError(`A ${plan} cluster has no nodes or disks to choose; only ADVANCED has.`);
  }
  if (plan === 'STANDARD' && options.virtualCpus === undefined) {
    throw new UsageError('A STANDARD cluster needs the number of virtual CPUs that it may use.');
  }
  const limits = {
    // 64-bit numbers travel as text.
    ...(options.virtualCpus === undefined ? {} : { provisioned_virtual_cpus: String(options.virtualCpus) }),
    ...(options.requestUnitLimit === undefined
      ? {}
      : { request_unit_limit: String(options.requestUnitLimit) }),
    ...(options.storageMibLimit === undefined ? {} : { storage_mib_limit: String(options.storageMibLimit) }),
  };
  return {
    regions: options.regions,
    ...(options.primaryRegion === undefined ? {} : { primary_region: options.primaryRegion }),
    ...(options.spendLimitCents === undefined ? {} : { spend_limit: options.spendLimitCents }),
    ...(Object.keys(limits).length === 0 ? {} : { usage_limits: limits }),
  };
}

function dedicatedPart(options: ClusterSpecOptions): JsonObject {
  if (options.spendLimitCents !== undefined) {
    throw new UsageError('Only Serverless clusters have a spend limit.');
  }
  if (options.virtualCpus === undefined) {
    throw new UsageError('An ADVANCED cluster needs the number of virtual CPUs of a node.');
  }
  const nodes = options.nodesPerRegion ?? 3;
  return {
    region_nodes: Object.fromEntries(options.regions.map((region) => [region, nodes])),
    hardware: {
      machine_spec: { num_virtual_cpus: options.virtualCpus },
      // 0 asks for the least that the machine allows.
      storage_gib: options.storageGib ?? 0,
    },
  };
}

export function checkCents(cents: number): void {
  if (Number.isSafeInteger(cents) && cents >= 0 && cents <= 2_147_483_647) return;
  throw new UsageError(`A spend limit is a whole number of US cents a month, not ${cents}.`);
}
