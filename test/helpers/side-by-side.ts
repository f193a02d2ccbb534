/** The same lines as views into one text, as those of a page or a segment are. */
export function sideBySide<Line extends { readonly raw: Buffer }>(lines: readonly Line[]): Line[] {
  const text = Buffer.concat(lines.flatMap(({ raw }) => [raw, Buffer.from('\n')]));
  let place = 0;
  return lines.map((line) => {
    const start = place;
    place += line.raw.length + 1;
    return { ...line, raw: text.subarray(start, place - 1) };
  });
}
