/** The content of JSON strings, as bytes. */

const backslash = 0x5c;
const lowerU = 0x75;

/** What the letter behind a backslash stands for; 0 for the `u` of a number. */
const meanings = new Uint8Array(256);
for (const [letter, meaning] of [
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
] as const) {
  meanings[letter.charCodeAt(0)] = meaning.charCodeAt(0);
}

/**
 * Writes what a string means into `target` from `to` on, which must have as much room. `start` and `end` are the places of
 * its content, without the quotes; it must be valid. Returns the end of what was written; -1 where an escaped number is
 * none of ASCII: two of them can belong together, or one be nothing that UTF-8 can hold.
 */
export function unescapeInto(
  source: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
  target: Uint8Array,
  to: number,
): number {
  let out = to;
  for (let at = start; at < end; at += 1) {
    let byte = source[at] as number;
    if (byte === backslash) {
      at += 1;
      byte = source[at] as number;
      if (byte === lowerU) {
        byte = hexValue(source, at + 1);
        if (byte >= 0x80) return -1;
        at += 4;
      } else {
        byte = meanings[byte] as number;
      }
    }
    target[out] = byte;
    out += 1;
  }
  return out;
}

function hexValue(source: Uint8Array, start: number): number {
  let value = 0;
  for (let at = start; at < start + 4; at += 1) {
    const byte = source[at] as number;
    // Digits end in their value; of letters in either case the lowest four bits are nine less.
    value = value * 16 + (byte & 0x0f) + (byte > 0x39 ? 9 : 0);
  }
  return value;
}
