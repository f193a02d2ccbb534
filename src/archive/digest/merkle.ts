/**
 * The Merkle tree over an object's entries, as in https://www.rfc-editor.org/rfc/rfc6962#section-2.1, so that one
 * entry can be proved without handing over the object. What stands at a leaf is the entry's line hash:
 *
 *     leaf = SHA-256(0x00 ‖ line hash)      node = SHA-256(0x01 ‖ left ‖ right)
 *
 * Hashes are 32 bytes. A tree of n leaves splits at the largest power of two below n.
 */
import { createHash, hash as hashOnce } from 'node:crypto';

const hashBytes = 32;
// There are two of these for every entry of an archive: one call over joined bytes, in memory that is used again, instead of
// an object per hash.
const leaf = Buffer.alloc(1 + hashBytes, 0x00);
const node = Buffer.alloc(1 + 2 * hashBytes, 0x01);

/** A hash as a string of a character for each byte: a buffer for each would cost more than the hashing. */
type Hash = string;
const encoding = 'latin1';

function leafHash(line: Buffer): Hash {
  // A proof from elsewhere may have anything where a hash belongs.
  if (line.length !== hashBytes) return sha256(Buffer.concat([leaf.subarray(0, 1), line]));
  leaf.set(line, 1);
  return sha256(leaf);
}

function nodeHash(left: Hash, right: Hash): Hash {
  if (left.length !== hashBytes || right.length !== hashBytes)
    return sha256(Buffer.concat([node.subarray(0, 1), Buffer.from(left + right, encoding)]));
  node.write(left, 1, encoding);
  node.write(right, 1 + hashBytes, encoding);
  return sha256(node);
}

function sha256(bytes: Buffer): Hash {
  return hashOnce('sha256', bytes, 'binary');
}

/** Computes a root from line hashes that come one by one; holds one hash per level of the tree. */
export class MerkleRoot {
  /** Roots of complete subtrees, from the left; those that the bits of the count name. */
  readonly #subtrees: Hash[] = [];
  #count = 0;

  add(lineSha256: Buffer): void {
    let hash = leafHash(lineSha256);
    for (let rest = this.#count; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#subtrees.pop();
      if (left === undefined) throw new TypeError('the subtrees do not match the count of leaves');
      hash = nodeHash(left, hash);
    }
    this.#subtrees.push(hash);
    this.#count += 1;
  }

  /** The root over what was added; more may be added after. */
  root(): Buffer {
    const right = this.#subtrees.at(-1);
    if (right === undefined) return createHash('sha256').digest();
    const root = this.#subtrees.slice(0, -1).reduceRight((joined, left) => nodeHash(left, joined), right);
    return Buffer.from(root, encoding);
  }
}

/** The root over line hashes in order. */
export function merkleRoot(lineHashes: Iterable<Buffer>): Buffer {
  const tree = new MerkleRoot();
  for (const hash of lineHashes) tree.add(hash);
  return tree.root();
}

/** The hashes that lead from a line (its index counts from 0) to the root, the lowest first. */
export function inclusionProof(lineHashes: readonly Buffer[], index: number): Buffer[] {
  if (!Number.isSafeInteger(index) || index < 0 || index >= lineHashes.length) {
    throw new RangeError(`there is no line ${index} among ${lineHashes.length}`);
  }
  if (lineHashes.length === 1) return [];
  const split = largestPowerBelow(lineHashes.length);
  const [left, right] = [lineHashes.slice(0, split), lineHashes.slice(split)];
  return index < split
    ? [...inclusionProof(left, index), merkleRoot(right)]
    : [...inclusionProof(right, index - split), merkleRoot(left)];
}

export interface InclusionClaim {
  readonly lineSha256: Buffer;
  /** The line's place in the object, counted from 0. */
  readonly index: number;
  /** How many lines the object has. */
  readonly size: number;
  readonly proof: readonly Buffer[];
  readonly root: Buffer;
}

/** Whether the proof shows that the line is at its place in the tree of this root. */
export function isIncluded({ lineSha256, index, size, proof, root }: InclusionClaim): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  return climb({ hash: leafHash(lineSha256), index, size, proof }) === root.toString(encoding);
}

/** The root that a proof leads to; undefined where its length is not that of the place. */
function climb(from: {
  readonly hash: Hash;
  readonly index: number;
  readonly size: number;
  readonly proof: readonly Buffer[];
}): Hash | undefined {
  const { hash, index, size, proof } = from;
  const sibling = proof.at(-1)?.toString(encoding);
  if (size === 1) return sibling === undefined ? hash : undefined;
  if (sibling === undefined) return undefined;
  const split = largestPowerBelow(size);
  const isLeft = index < split;
  const below = climb({
    hash,
    index: isLeft ? index : index - split,
    size: isLeft ? split : size - split,
    proof: proof.slice(0, -1),
  });
  if (below === undefined) return undefined;
  return isLeft ? nodeHash(below, sibling) : nodeHash(sibling, below);
}

/** For a count of at least two. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
