/** Hashes of many lines side by side in one piece of memory: a small buffer of its own for each costs ten times its bytes. */
export interface LineHashes {
  /** Where the hash of a line belongs, and stands. */
  at(index: number): Buffer;
}

const hashBytes = 32;

export function lineHashes(count: number): LineHashes {
  const hashes = Buffer.allocUnsafeSlow(count * hashBytes);
  return { at: (index) => hashes.subarray(index * hashBytes, (index + 1) * hashBytes) };
}
