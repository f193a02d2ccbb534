/** The API's id, verbatim; of an entry without one, the hash of its line, which is as unique as the line. */
export function idOf(entry: { readonly raw: Buffer; readonly sha256: Buffer }): string {
  return idInFront(entry.raw) ?? idByParsing(entry);
}

const front = Buffer.from('{"id":"');
const key = Buffer.from('"id"');
const quote = 0x22;
const backslash = 0x5c;

/**
 * The id of an entry that begins with it, as the API prints them, without parsing the rest: 2 µs instead of 4 for an entry
 * of 1 kB. Undefined where it is empty, holds an escape, or the text may name another
 * `id` behind it: of double keys the last counts, and a key may be written with escapes.
 */
export function idInFront(raw: Buffer): string | undefined {
  if (raw.compare(front, 0, front.length, 0, front.length) !== 0) return undefined;
  const end = raw.indexOf(quote, front.length);
  if (end <= front.length) return undefined;
  const escape = raw.indexOf(backslash, front.length);
  if (escape !== -1 && (escape < end || raw.includes('\\u', escape))) return undefined;
  return raw.includes(key, end) ? undefined : raw.toString('utf8', front.length, end);
}

function idByParsing(entry: { readonly raw: Buffer; readonly sha256: Buffer }): string {
  const fields: unknown = JSON.parse(entry.raw.toString('utf8'));
  if (typeof fields === 'object' && fields !== null && 'id' in fields) {
    if (typeof fields.id === 'string' && fields.id !== '') return fields.id;
  }
  return `sha256:${entry.sha256.toString('hex')}`;
}
