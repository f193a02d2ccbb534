/** JSON as text, in every way of writing it: spaces, escapes, double keys, numbers that lose digits when they are parsed. */
import * as fc from 'fast-check';

const numbers = fc.constantFrom(
  '0',
  '-0',
  '1',
  '-12',
  '12345678901234567890',
  '1.50',
  '1e5',
  '-1.0E-07',
  '01',
  '1.',
  '.5',
  '+1',
  '-',
);
const spaces = fc.constantFrom('', '', '', ' ', '\n', '\t \r\n');
const strings = fc.oneof(
  fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text)),
  fc.string({ unit: 'binary', maxLength: 4 }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '""',
    '"a"',
    '"a b"',
    '"\\u0041\\/"',
    '"\\""',
    '"\\\\"',
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"é"',
    '"[[{"',
    '"payload"',
    '"\\u0070ayload"',
  ),
);
const keys = fc.oneof(
  fc.constantFrom('"a"', '"b"', '"a b"', '"payload"', '"a-"', '"é"', '"\\u0061"', '""'),
  strings,
);

const { json } = fc.letrec<{ json: string; list: string; object: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false', '[]', '{}'),
    numbers,
    strings,
    tie('list'),
    tie('object'),
  ),
  list: fc
    .tuple(fc.array(tie('json'), { maxLength: 4 }), spaces)
    .map(([items, space]) => `[${space}${items.join(`${space},${space}`)}${space}]`),
  object: fc
    .tuple(fc.array(fc.tuple(keys, tie('json')), { maxLength: 6 }), spaces)
    .map(([fields, space]) => objectText(fields, space)),
}));

/** Of which some is no JSON: numbers that are none. */
export const jsonTexts: fc.Arbitrary<string> = json;

function objectText(fields: readonly (readonly [key: string, value: string])[], space: string): string {
  const texts = fields.map(([key, value]) => `${key}${space}:${space}${value}`);
  return `{${space}${texts.join(`${space},${space}`)}${space}}`;
}

/** An entry as the page scanner lets it through: anything that is JSON. */
export const entryTexts: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(fc.tuple(keys, jsonTexts), { maxLength: 8 }),
    fc.oneof(
      jsonTexts,
      jsonTexts.map((text) => JSON.stringify(text)),
      fc.string().map((text) => JSON.stringify(text)),
    ),
    spaces,
  )
  .map(([fields, payload, space]) => objectText([...fields, ['"payload"', payload]], space))
  .filter(isJson);

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A few characters of a text replaced. */
export interface Damage {
  readonly at: number;
  readonly length: number;
  readonly put: string;
}

/** `alphabet`: what may be put. */
export function damages(alphabet: string): fc.Arbitrary<Damage> {
  return fc.record({
    at: fc.nat(),
    length: fc.nat(3),
    put: fc.string({ unit: fc.constantFrom(...alphabet.split('')), maxLength: 3 }),
  });
}

export function damaged(whole: string, all: readonly Damage[]): string {
  let text = whole;
  for (const { at, length, put } of all) {
    const from = at % (text.length + 1);
    text = text.slice(0, from) + put + text.slice(from + length);
  }
  return text;
}
