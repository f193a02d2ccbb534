import { createRandom, mix, type Random } from './random.ts';

/** `GET /api/v1/organization`. */
export interface SandboxOrganization {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** Whom and what the entries of the history are about. */
export interface Cast {
  readonly users: readonly string[];
  readonly serviceAccounts: readonly string[];
  readonly clusters: readonly { readonly id: string; readonly name: string }[];
  readonly addresses: readonly string[];
}

const givenNames =
  'ada björn chloé dmitri elena farid grace hiro ines jürgen kwame łucja mei nadia omar'.split(' ');
const animals = 'otter lynx heron gecko moose wombat ibex tapir marmot puffin civet dingo'.split(' ');
const adjectives = 'shaky notorious funky quiet brisk amber sunny hollow lunar rapid steady civil'.split(' ');

/** The seeded organization; it was created a little before the first entry of the history. */
export function createOrganization(
  seed: number,
  createdAt: string,
  given: Partial<SandboxOrganization> = {},
): SandboxOrganization {
  const random = createRandom(mix(seed, 0x0a11));
  return {
    id: given.id ?? random.uuid(),
    name: given.name ?? 'Sandbox Organization',
    label: given.label ?? `sandbox-${random.hex(4)}`,
    createdAt: given.createdAt ?? createdAt,
  };
}

export function createCast(seed: number): Cast {
  const random = createRandom(mix(seed, 0xca57));
  const many = <T>(count: number, make: (random: Random, index: number) => T): T[] =>
    Array.from({ length: count }, (_, index) => make(random, index));
  return {
    users: many(25, (from, index) => `${from.pick(givenNames)}.${index}@example.com`),
    serviceAccounts: many(6, (from, index) => `ci-${from.pick(animals)}-${index}`),
    clusters: many(12, (from) => ({
      id: from.uuid(),
      name: `${from.pick(adjectives)}-${from.pick(animals)}`,
    })),
    addresses: many(40, (from) =>
      from.integer(5) === 0
        ? `2001:db8::${from.hex(4)}:${from.hex(4)}`
        : `203.0.113.${from.integer(254) + 1}`,
    ),
  };
}
