/**
 * Text from entries and servers may hold control characters that move a terminal's cursor, change its title or hide
 * what follows. None of them reaches a terminal: each is shown as an escape that can be read.
 *
 * Beside C0, DEL and C1 these are the controls of the reading direction (https://trojansource.codes), the line and
 * paragraph separators, and the zero width characters, which make two different texts look alike.
 */
const dangerous = /[\p{Cc}\p{Surrogate}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

const short: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** One line of text that is safe to show; a backslash stays as it is. */
export function escapeForTerminal(text: string): string {
  return text.replace(dangerous, (character) => short.get(character) ?? unicodeEscape(character));
}

/** Several lines of our own, each made safe. */
export function escapeLinesForTerminal(text: string): string {
  return text
    .split('\n')
    .map((line) => escapeForTerminal(line))
    .join('\n');
}

/** JSON text that means the same and is safe to show. White space between values is kept. */
export function escapeJson(json: string): string {
  return json.replace(dangerous, (character) =>
    character === '\n' || character === '\t' || character === '\r' ? character : unicodeEscape(character),
  );
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
