/**
 * Where the members of a JSON object stand in its text, so that a value can be taken over as it was written: parsing it
 * and printing it again would change big numbers.
 */
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/** The text of each member's value by name. `json` must be a valid object; of equal names the last counts, as in JSON.parse. */
export function jsonMembers(json: Buffer): Map<string, Buffer> {
  const members = new Map<string, Buffer>();
  let position = skipSpace(json, skipSpace(json, 0) + 1);
  while (position < json.length && json[position] !== closeBrace) {
    const nameEnd = endOfString(json, position);
    const name = JSON.parse(json.toString('utf8', position, nameEnd)) as string;
    const start = skipSpace(json, skipSpace(json, nameEnd) + 1);
    const end = endOfValue(json, start);
    members.set(name, json.subarray(start, end));
    position = skipSpace(json, end);
    if (json[position] === comma) position = skipSpace(json, position + 1);
  }
  return members;
}

/** How many arrays and objects stand around the innermost value. `json` must be valid. */
export function jsonDepth(json: Buffer): number {
  let depth = 0;
  let deepest = 0;
  for (let position = 0; position < json.length; position += 1) {
    const byte = json[position];
    if (byte === quote) {
      position = endOfString(json, position) - 1;
    } else if (byte === openBrace || byte === openBracket) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
    }
  }
  return deepest;
}

function skipSpace(json: Buffer, start: number): number {
  let position = start;
  while (isSpace(json[position])) position += 1;
  return position;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function endOfValue(json: Buffer, start: number): number {
  const first = json[start];
  if (first === quote) return endOfString(json, start);
  if (first === openBrace || first === openBracket) return endOfNested(json, start);
  let position = start;
  while (position < json.length && !endsScalar(json[position])) position += 1;
  return position;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte);
}

function endOfNested(json: Buffer, start: number): number {
  let depth = 0;
  let position = start;
  while (position < json.length) {
    const byte = json[position];
    if (byte === quote) {
      position = endOfString(json, position);
      continue;
    }
    position += 1;
    if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) depth -= 1;
    if (depth === 0) break;
  }
  return position;
}

/** The position behind the closing quote: the first one with an even number of backslashes before it. */
function endOfString(json: Buffer, start: number): number {
  for (
    let position = json.indexOf(quote, start + 1);
    position !== -1;
    position = json.indexOf(quote, position + 1)
  ) {
    let backslashes = 0;
    while (json[position - 1 - backslashes] === backslash) backslashes += 1;
    if (backslashes % 2 === 0) return position + 1;
  }
  return json.length;
}
