/**
 * JSON written by hand, because the sandbox must send what `JSON.stringify` never would: numbers with more digits than
 * a double holds, `\/` and upper-case escapes, keys twice in one object.
 */

/** A piece of JSON text that is put in as it is. */
export class Verbatim {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | Verbatim
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** `spaced` writes a blank after `:` and `,`, as the text form of a JSONB column does. */
export function jsonText(value: JsonValue, spaced = false): string {
  if (value instanceof Verbatim) return value.text;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const comma = spaced ? ', ' : ',';
  if (isList(value)) return `[${value.map((item) => jsonText(item, spaced)).join(comma)}]`;
  const colon = spaced ? ': ' : ':';
  let text = '';
  for (const key of Object.keys(value)) {
    text += (text === '' ? '' : comma) + JSON.stringify(key) + colon + jsonText(value[key] ?? null, spaced);
  }
  return `{${text}}`;
}

/** The same JSON with line breaks and indentation; the texts of strings and numbers stay what they are. */
export function prettyText(text: string): string {
  let out = '';
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^[\]{},:"\s]+/gs)) {
    if (token === '{' || token === '[') {
      depth += 1;
      out += `${token}\n${'  '.repeat(depth)}`;
    } else if (token === '}' || token === ']') {
      depth -= 1;
      out += `\n${'  '.repeat(depth)}${token}`;
    } else if (token === ',') {
      out += `,\n${'  '.repeat(depth)}`;
    } else {
      out += token === ':' ? ': ' : token;
    }
  }
  return `${out}\n`;
}

function isList(
  value: readonly JsonValue[] | { readonly [key: string]: JsonValue },
): value is readonly JsonValue[] {
  return Array.isArray(value);
}
