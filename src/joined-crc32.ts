/**
 * The CRC-32 of two texts as one, from the sums of each. A sum is the remainder of a polynomial over bits, so the first has to be
 * multiplied by x for each bit that follows. Bits are the wrong way round, as in gzip: the highest one belongs to x⁰.
 * Format: https://www.rfc-editor.org/rfc/rfc1952#section-8
 */
const generator = 0xedb88320;
const one = 0x80000000;
/** x⁸, for a byte. */
const byteShift = 0x00800000;

/** The sum of a text that ends in `bytes` bytes whose sum is `second`; `first` is that of what stands before them. */
export function joinedCrc32(first: number, second: number, bytes: number): number {
  return (multiply(first, power(byteShift, bytes)) ^ second) >>> 0;
}

/** By squaring: the exponent may be beyond what fits 32 bits. */
function power(base: number, exponent: number): number {
  let result = one;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

/** The product's remainder. */
function multiply(left: number, right: number): number {
  let product = 0;
  let shifted = right;
  for (let bit = 31; bit >= 0; bit -= 1) {
    if (((left >>> bit) & 1) === 1) product ^= shifted;
    shifted = (shifted & 1) === 1 ? (shifted >>> 1) ^ generator : shifted >>> 1;
  }
  return product >>> 0;
}
