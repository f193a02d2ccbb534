import { jsonAnswer, Refusal, type Answer } from './answer.ts';
import type { ApiRequest } from './api-request.ts';
import { paginated, type ListContext } from './pagination.ts';

const providers = ['GCP', 'AWS', 'AZURE'] as const;
export type Provider = (typeof providers)[number];

interface CloudRegion {
  readonly name: string;
  readonly location: string;
  readonly provider: Provider;
  readonly serverless: boolean;
  /** Miles from the caller; lists are sorted by it. */
  readonly distance: number;
}

const region = (
  provider: Provider,
  name: string,
  location: string,
  distance: number,
  serverless = true,
): CloudRegion => ({ name, location, provider, serverless, distance });

const known: readonly CloudRegion[] = [
  region('GCP', 'us-east1', 'South Carolina', 212.5),
  region('GCP', 'us-east4', 'Northern Virginia', 229.25, false),
  region('GCP', 'us-central1', 'Iowa', 1_081.5),
  region('GCP', 'us-west2', 'California', 2_450.75),
  region('GCP', 'europe-west1', 'St. Ghislain', 3_700.5),
  region('GCP', 'europe-west4', 'Eemshaven', 3_801.25, false),
  region('GCP', 'asia-southeast1', 'Jurong West', 9_533),
  region('AWS', 'us-east-1', 'N. Virginia', 225.5),
  region('AWS', 'us-west-2', 'Oregon', 2_401.25),
  region('AWS', 'eu-west-1', 'Ireland', 3_181.5),
  region('AWS', 'eu-central-1', 'Frankfurt', 3_900.75),
  region('AWS', 'ap-south-1', 'Mumbai', 7_802, false),
  region('AZURE', 'eastus2', 'Virginia', 231.5, false),
  region('AZURE', 'westeurope', 'Netherlands', 3_750.25, false),
  region('AZURE', 'southeastasia', 'Singapore', 9_530.5, false),
];

/** The providers that a version knows. */
export function providersOf(version: string): readonly Provider[] {
  return version.startsWith('2022') ? ['GCP', 'AWS'] : providers;
}

/** Throws the API's 400 for a region that the provider lacks, naming the one that may have been meant. */
export function checkRegion(name: string, provider: Provider): void {
  if (known.some((item) => item.name === name && item.provider === provider)) return;
  const near = known.find(
    (item) => item.provider === provider && withoutDashes(item.name) === withoutDashes(name),
  );
  const hint = near === undefined ? '' : `. Did you mean to use '${near.name}'`;
  throw new Refusal(
    'invalidArgument',
    `invalid argument: invalid region name '${name}' for ${provider}${hint}`,
  );
}

/** `GET /clusters/available-regions`. */
export function availableRegions(request: ApiRequest, context: ListContext): Answer {
  const provider = request.query.get('provider') ?? '';
  const allowed = providersOf(request.version);
  if (provider !== '' && !allowed.some((name) => name === provider)) {
    throw new Refusal('invalidArgument', `parsing field "provider": invalid value "${provider}"`);
  }
  const serverlessOnly = request.query.get('serverless') === 'true';
  const regions = known
    .filter((item) => (provider === '' ? allowed.includes(item.provider) : item.provider === provider))
    .filter((item) => item.serverless || !serverlessOnly)
    .toSorted((left, right) => left.distance - right.distance);
  const { items, pagination } = paginated(regions, request, context);
  const shown = context.traps.has('regions-strings') ? items.map(({ name }) => name) : items;
  return jsonAnswer({ regions: shown, pagination });
}

function withoutDashes(name: string): string {
  return name.replaceAll('-', '');
}
