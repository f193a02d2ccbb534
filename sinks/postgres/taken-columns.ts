/** What is taken out of the text of an entry, whatever it is, by parsing it. */
import { jsonDepth, jsonMembers } from './json-members.ts';

/** Text columns that are named as the API's fields are. */
export const fieldColumns = [
  'action',
  'source',
  'user_email',
  'service_account_name',
  'system_actor_name',
  'cluster_id',
  'cluster_name',
  'session_id',
  'trace_id',
  'error',
] as const;

export interface TakenColumns {
  /** Of `fieldColumns`, and `ip_address` at the end. */
  readonly texts: readonly (string | null)[];
  /** JSON text; null where there is none, or none that PostgreSQL can hold. */
  readonly payload: string | Buffer | null;
}

/** U+0000 and lone surrogates, which no PostgreSQL text can hold, as U+FFFD. */
export function columnText(text: string): string {
  return unholdable.test(text) ? text.replaceAll(unholdableEach, '\ufffd') : text;
}

// With the flag `u` a surrogate pair is one character, so only lone surrogates are of category Cs.
const unholdable = /[\0\p{Cs}]/u;
const unholdableEach = /[\0\p{Cs}]/gu;

type Fields = Readonly<Record<string, unknown>>;

/** What is taken out of the text of an entry. */
export function takenColumns(raw: Buffer): TakenColumns {
  const fields = parseFields(raw);
  if (fields === undefined) return { texts: [...fieldColumns, 'ip_address'].map(() => null), payload: null };
  // Looking for the members costs more than parsing, and is needed only for values that are not text.
  let found: Map<string, Buffer> | undefined;
  const memberText = (name: string): Buffer => {
    found ??= jsonMembers(raw);
    return found.get(name) ?? Buffer.of();
  };
  const texts = fieldColumns.map((name) => fieldText(fields[name], () => memberText(name)));
  const metadata = fields['metadata'];
  const address = isObject(metadata) ? metadata['ip_address'] : undefined;
  texts.push(fieldText(address, () => jsonMembers(memberText('metadata')).get('ip_address') ?? Buffer.of()));
  return { texts, payload: payloadJson(fields['payload'], () => memberText('payload')) };
}

/** The parsed entry; undefined for what is no JSON object, which only its raw text can tell. */
function parseFields(raw: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(raw.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text as it is, another type as its JSON text, null for nothing. */
function fieldText(value: unknown, jsonText: () => Buffer): string | null {
  if (value === undefined || value === null) return null;
  return columnText(typeof value === 'string' ? value : jsonText().toString());
}

/** An object as it was written; a string's content where that is JSON, else the string; null for null. */
function payloadJson(value: unknown, jsonText: () => Buffer): string | Buffer | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') {
    const text = jsonText();
    return areStringsHoldable(text.includes(escapeStart) ? text.toString() : '') && !isTooDeep(text)
      ? text
      : null;
  }
  const text = isJson(value) ? value : JSON.stringify(value);
  if (text.trim() === 'null') return null;
  return areStringsHoldable(text) && !isTooDeep(text) ? text : null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * A server's stack ends the nesting somewhere behind this and refuses the value. The embedded PostgreSQL has no such guard:
 * a depth of 20,000 stopped it for good, so nothing near that is ever sent.
 */
const depthMax = 1000;

function isTooDeep(json: string | Buffer): boolean {
  // Each level takes two brackets.
  if (json.length <= depthMax * 2) return false;
  return jsonDepth(typeof json === 'string' ? Buffer.from(json) : json) > depthMax;
}

const escapeStart = '\\u';
/** Either a whole surrogate pair, or (captured) what jsonb refuses, or any other escape, so that `\\u0000` is not one. */
const escapes = /\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u(0000|[dD][89a-fA-F]..)|\\./gs;

/** Whether jsonb takes the strings of this JSON text. What else it refuses, such as huge numbers, the server says. */
function areStringsHoldable(json: string): boolean {
  if (unholdable.test(json)) return false;
  if (!json.includes(escapeStart)) return true;
  for (const match of json.matchAll(escapes)) {
    if (match[1] !== undefined) return false;
  }
  return true;
}
