/** Seeded pseudo-random numbers: the same seed gives the same organization, entries and faults on every machine. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  integer(below: number): number;
  pick<T>(items: readonly T[]): T;
  /** Lower-case hexadecimal digits. */
  hex(length: number): string;
  uuid(): string;
}

/** Two whole numbers as one 32-bit hash; every bit of both counts. */
export function mix(first: number, second: number): number {
  let hash = Math.imul(first ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(second + 0x7f4a_7c15, 0xc2b2_ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a_2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** A text as a 32-bit hash (FNV-1a). */
export function hashText(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
}

/** Ids are most of an entry's work, so their digits come from a table. */
const fourDigits: readonly string[] = Array.from({ length: 0x1_0000 }, (_, value) =>
  value.toString(16).padStart(4, '0'),
);

/** The generator `mulberry32`: small, quick, and good enough for data that only has to look real. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next32 = (): number => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return (value ^ (value >>> 14)) >>> 0;
  };
  const hex = (length: number): string => {
    let digits = '';
    while (digits.length < length) {
      const value = next32();
      digits += (fourDigits[value >>> 16] as string) + (fourDigits[value & 0xffff] as string);
    }
    return digits.slice(0, length);
  };
  return {
    next: () => next32() / 0x1_0000_0000,
    integer: (below) => Math.floor((next32() / 0x1_0000_0000) * below),
    pick: (items) => items[Math.floor((next32() / 0x1_0000_0000) * items.length)] as (typeof items)[number],
    hex,
    uuid: () => uuidFromHex(hex(32)),
  };
}

/** 32 hexadecimal digits in the form of a version 4 UUID. */
export function uuidFromHex(digits: string): string {
  const variant = '89ab'[Number.parseInt(digits.slice(16, 17), 16) % 4] as string;
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-');
}
