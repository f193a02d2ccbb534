import { formatTimestamp, type Nanos } from '../time.ts';
import { auditActions } from './audit-actions.ts';
import { jsonText, type JsonValue } from './json-text.ts';
import { oddities, type Oddity } from './oddities.ts';
import type { Cast } from './organization.ts';
import { requestPayload } from './payload.ts';
import { createRandom, mix, uuidFromHex, type Random } from './random.ts';

/**
 * How a payload is printed. The API sent an object until 2025 and has sent a string that holds JSON since, both under
 * the same version: `natural` is a string with an object here and there.
 */
export type PayloadForm = 'natural' | 'object' | 'string';

/** What makes the entries of this history special; fixed for the life of a sandbox. */
export interface EntryStyle {
  readonly offsetTimestamps: boolean;
  readonly plainIds: boolean;
  readonly missingIds: boolean;
  readonly missingTimes: boolean;
  /** Entries are filled up to about this many bytes; 0 leaves them as they are. */
  readonly entryBytes: number;
}

/** Writes the entry with a number: always the same text for the same seed, number, time and form. */
export interface EntryWriter {
  write(index: number, createdAt: Nanos, form: PayloadForm): string;
  /** The id of an entry, which `indexOf` leads back from. */
  id(index: number): string;
  /** The number that an id would have; the caller checks that it is one of its own. */
  indexOf(id: string): number | undefined;
}

/** The inverse of the odd multiplier below, modulo 2^32: ids are found without a table of a million ids. */
const multiplier = 0x9e37_79b1;
const inverse = 0x0e8b_2f51;

const common = [
  'AUDIT_LOG_ACTION_USER_LOGIN',
  'AUDIT_LOG_ACTION_CREATE_SQL_USER',
  'AUDIT_LOG_ACTION_UPDATE_CLUSTER',
  'AUDIT_LOG_ACTION_CREATE_CLUSTER',
  'AUDIT_LOG_ACTION_ADD_IP_ALLOWLIST',
  'AUDIT_LOG_ACTION_ADD_USER_TO_ROLE',
  'AUDIT_LOG_ACTION_CREATE_API_KEY',
];
const sources = ['CC_API', 'CLI', 'UI', 'UI', 'UI', 'INTERNAL', 'MCP', 'SSH_GATEWAY'];

export function createEntryWriter(seed: number, cast: Cast, style: EntryStyle): EntryWriter {
  const mask = mix(seed, 0x1d);
  const id = (index: number): string => {
    const first = Math.imul((index ^ mask) >>> 0, multiplier) >>> 0;
    const random = createRandom(mix(first, seed));
    const digits = first.toString(16).padStart(8, '0') + random.hex(24);
    return style.plainIds && index % 3 === 0 ? `evt-${digits.slice(0, 20)}` : uuidFromHex(digits);
  };
  return {
    id,
    indexOf(text) {
      const digits = /^(?:evt-)?([0-9a-f]{8})/.exec(text)?.[1];
      if (digits === undefined) return undefined;
      const index = (Math.imul(Number.parseInt(digits, 16), inverse) ^ mask) >>> 0;
      return id(index) === text ? index : undefined;
    },
    write(index, createdAt, form) {
      const random = createRandom(mix(seed, index));
      const members = entryMembers(index, random, cast);
      const odd: Oddity = index % 16 === 0 ? (oddities[(index / 16) % oddities.length] ?? {}) : {};
      const payload = odd.payload === undefined ? members.payload : odd.payload;
      const all: Record<string, JsonValue> = {
        id: id(index),
        ...members.before,
        payload:
          odd.payloadText ?? printedPayload(payload, form === 'natural' ? naturalForm(index, random) : form),
        ...members.after,
        created_at: style.offsetTimestamps ? withOffset(createdAt, index) : protoTimestamp(createdAt),
        ...odd.members,
      };
      for (const name of odd.without ?? []) delete all[name];
      if (style.missingIds && index % 11 === 5) delete all['id'];
      if (style.missingTimes && index % 13 === 7) delete all['created_at'];
      return filledUp(jsonText(all), style.entryBytes, random);
    },
  };
}

/** RFC 3339 as protojson prints it: 0, 3, 6 or 9 fraction digits and `Z`. */
export function protoTimestamp(time: Nanos): string {
  const text = formatTimestamp(time);
  return text.replace(/\.000000Z$/, 'Z').replace(/(\.\d{3})000Z$/, '$1Z');
}

function entryMembers(
  index: number,
  random: Random,
  cast: Cast,
): { before: Record<string, JsonValue>; payload: JsonValue; after: Record<string, JsonValue> } {
  // Every seventh entry walks through the whole list, so that no action is missing in a history of a thousand.
  const action =
    index % 7 === 3 ? (auditActions[((index - 3) / 7) % auditActions.length] as string) : random.pick(common);
  const cluster = random.pick(cast.clusters);
  const isPerson = random.next() < 0.75;
  return {
    before: {
      trace_id: random.hex(32),
      session_id: random.hex(64),
      source: `AUDIT_LOG_SOURCE_${random.pick(sources)}`,
      user_email: isPerson ? random.pick(cast.users) : '',
      service_account_name: isPerson ? '' : random.pick(cast.serviceAccounts),
      cluster_id: cluster.id,
      cluster_name: cluster.name,
      action,
    },
    payload: requestPayload(action, cluster.name, random),
    after: {
      metadata: { ip_address: random.pick(cast.addresses) },
      error: random.next() < 0.03 ? 'invalid argument: invalid userId' : '',
    },
  };
}

function printedPayload(payload: JsonValue, form: 'object' | 'string'): JsonValue {
  return form === 'object' || payload === null ? payload : jsonText(payload, true);
}

function naturalForm(index: number, random: Random): 'object' | 'string' {
  return random.next() < 0.1 || index % 32 === 16 ? 'object' : 'string';
}

function withOffset(time: Nanos, index: number): string {
  const [minutes, zone] = (
    [
      [0, '+00:00'],
      [120, '+02:00'],
      [-210, '-03:30'],
    ] as const
  )[index % 3] as readonly [number, string];
  const local = (time + BigInt(minutes) * 60_000_000_000n) as Nanos;
  return protoTimestamp(local).replace(/Z$/, zone);
}

function filledUp(text: string, bytes: number, random: Random): string {
  const missing = bytes - text.length - 12;
  if (missing <= 0) return text;
  // Half random, so that compression finds about as much as in real entries.
  const noise = random.hex(Math.ceil(missing / 2));
  return `${text.slice(0, -1)},"filler":"${noise}${'-'.repeat(missing - noise.length)}"}`;
}
