/**
 * The name of a member that stands twice in one object of a JSON text; undefined if none does. Readers differ in which of the
 * two counts, so one text would say two things. The text must be JSON; strings in it may be very long.
 */
export function repeatedMember(json: string): string | undefined {
  const colon = /\s*:/y;
  const open: Set<string>[] = [];
  for (let position = 0; position < json.length; position += 1) {
    const character = json[position];
    if (character === '{' || character === '[') open.push(new Set());
    else if (character === '}' || character === ']') open.pop();
    if (character !== '"') continue;
    const end = endOfString(json, position);
    colon.lastIndex = end + 1;
    if (colon.test(json)) {
      const name = JSON.parse(json.slice(position, end + 1)) as string;
      const names = open.at(-1);
      if (names?.has(name) === true) return name;
      names?.add(name);
    }
    position = end;
  }
  return undefined;
}

/** Where the quote is that ends the string which begins here. */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end === -1 ? json.length : end;
}

function isEscaped(json: string, position: number): boolean {
  let slashes = 0;
  while (json[position - 1 - slashes] === '\\') slashes += 1;
  return slashes % 2 === 1;
}
