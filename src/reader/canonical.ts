/**
 * The canonical form of an entry, for telling a changed entry from one that is merely printed differently.
 *
 * A payload that is a string holding JSON counts as that JSON (the API changed from one to the other inside one
 * version), keys are sorted, escapes are made alike, number text is kept (a number would lose digits), the last of
 * double keys wins as in `JSON.parse`, and fields of the entry itself that are null, "", [] or {} count as absent, since
 * the API prints unset fields in either way. It is hashed, never stored.
 */

/** Beyond it an entry is its own canonical form: every other text is a change. */
export const nestingMax = 512;

/** `text` must be valid JSON: what the page scanner let through. */
export function canonicalForm(text: string): string {
  if (!nestingAtMost(text, nestingMax)) return text;
  const cursor: Cursor = { text, at: 0 };
  skipSpace(cursor);
  if (text[cursor.at] !== '{') return canonicalValue(cursor);
  const fields = readFields(cursor, (key) =>
    key === '"payload"' ? canonicalPayload(cursor) : canonicalValue(cursor),
  );
  // Only what is as short can be one of them: looking up a longer one would hash it first.
  return joinFields(fields, (value) => value.length <= absentLengthMax && absent.has(value));
}

interface Cursor {
  readonly text: string;
  at: number;
}

const absent: ReadonlySet<string> = new Set(['null', '""', '[]', '{}']);
const absentLengthMax = 4;

function canonicalPayload(cursor: Cursor): string {
  skipSpace(cursor);
  if (cursor.text[cursor.at] !== '"') return canonicalValue(cursor);
  // Decoded once, not printed alike first and read again: with sorting in place, 14 µs for an entry of 1 kB instead of 18.
  const slice = readString(cursor);
  const inner = JSON.parse(slice) as string;
  if (holdsJson(inner)) return canonicalValue({ text: inner, at: 0 });
  return slice.includes('\\') ? JSON.stringify(inner) : slice;
}

function holdsJson(text: string): boolean {
  if (!/^[\s{["\-0-9tfn]/.test(text)) return false;
  try {
    JSON.parse(text);
    return nestingAtMost(text, nestingMax);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false;
    throw error;
  }
}

/** Counts brackets, those in strings too: more than the truth is on the safe side of the stack. */
export function nestingAtMost(text: string, depthMax: number): boolean {
  // Every level takes two brackets: most entries are too short to be deep.
  if (text.length <= depthMax * 2) return true;
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > depthMax) return false;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return true;
}

function canonicalValue(cursor: Cursor): string {
  skipSpace(cursor);
  const first = cursor.text[cursor.at];
  if (first === '{') return joinFields(readFields(cursor, () => canonicalValue(cursor)));
  if (first === '[') return canonicalArray(cursor);
  return first === '"' ? canonicalString(cursor) : readLiteral(cursor);
}

/** Keys as they are printed, and their values, in the order of the text. */
interface Fields {
  readonly keys: string[];
  readonly values: string[];
}

function readFields(cursor: Cursor, readValue: (key: string) => string): Fields {
  const keys: string[] = [];
  const values: string[] = [];
  cursor.at += 1;
  skipSpace(cursor);
  while (cursor.text[cursor.at] !== '}') {
    const key = canonicalString(cursor);
    skipSpace(cursor);
    cursor.at += 1; // the colon
    keys.push(key);
    values.push(readValue(key));
    skipSeparator(cursor);
  }
  cursor.at += 1;
  return { keys, values };
}

/** Sorted by key; of double keys the last; without those values that `isLeftOut` names. */
function joinFields({ keys, values }: Fields, isLeftOut?: (value: string) => boolean): string {
  sortFields(keys, values);
  let joined = '{';
  for (let place = 0; place < keys.length; place += 1) {
    const key = keys[place] as string;
    const value = values[place] as string;
    if (key === keys[place + 1] || isLeftOut?.(value) === true) continue;
    joined += joined === '{' ? `${key}:${value}` : `,${key}:${value}`;
  }
  return `${joined}}`;
}

/** Entries have about fifteen fields: inserting in place takes 1.4 µs for one, a sort of indexes by a function 2.1. */
const insertionMax = 32;

/** Sorts both by key, equal keys in the order of the text. */
function sortFields(keys: string[], values: string[]): void {
  if (keys.length > insertionMax) {
    const fields = keys.map((key, index) => ({ key, value: values[index] as string }));
    fields.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0));
    for (const [place, { key, value }] of fields.entries()) {
      keys[place] = key;
      values[place] = value;
    }
    return;
  }
  for (let next = 1; next < keys.length; next += 1) {
    const key = keys[next] as string;
    const value = values[next] as string;
    let place = next;
    for (; place > 0 && (keys[place - 1] as string) > key; place -= 1) {
      keys[place] = keys[place - 1] as string;
      values[place] = values[place - 1] as string;
    }
    keys[place] = key;
    values[place] = value;
  }
}

function canonicalArray(cursor: Cursor): string {
  const items: string[] = [];
  cursor.at += 1;
  skipSpace(cursor);
  while (cursor.text[cursor.at] !== ']') {
    items.push(canonicalValue(cursor));
    skipSeparator(cursor);
  }
  cursor.at += 1;
  return `[${items.join(',')}]`;
}

function canonicalString(cursor: Cursor): string {
  const slice = readString(cursor);
  // Without an escape there is only one way to print a string.
  return slice.includes('\\') ? JSON.stringify(JSON.parse(slice)) : slice;
}

/** The string at the cursor as it is printed, with its quotes. */
function readString(cursor: Cursor): string {
  const { text } = cursor;
  const start = cursor.at;
  let end = text.indexOf('"', start + 1);
  while (endsInOddBackslashes(text, end)) end = text.indexOf('"', end + 1);
  if (end === -1) throw new SyntaxError('unterminated string');
  cursor.at = end + 1;
  return text.slice(start, end + 1);
}

function endsInOddBackslashes(text: string, end: number): boolean {
  let count = 0;
  while (text[end - 1 - count] === '\\') count += 1;
  return count % 2 === 1;
}

const literalEnd = /[,\]}\s]|$/g;

function readLiteral(cursor: Cursor): string {
  literalEnd.lastIndex = cursor.at;
  const end = literalEnd.exec(cursor.text)?.index ?? cursor.text.length;
  const literal = cursor.text.slice(cursor.at, end);
  if (literal === '') throw new SyntaxError('a value is missing');
  cursor.at = end;
  return literal;
}

function skipSpace(cursor: Cursor): void {
  while (isSpace(cursor.text.charCodeAt(cursor.at))) cursor.at += 1;
}

function skipSeparator(cursor: Cursor): void {
  skipSpace(cursor);
  if (cursor.text[cursor.at] === ',') cursor.at += 1;
  skipSpace(cursor);
  if (cursor.at >= cursor.text.length) throw new SyntaxError('unterminated object or array');
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
