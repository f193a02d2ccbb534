import { createHash } from 'node:crypto';
import { assert as assertProperty, integer, nat, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inclusionProof, isIncluded, MerkleRoot, merkleRoot } from '../../../src/archive/digest/merkle.ts';

// The leaves and roots that implementations of Certificate Transparency test themselves with.
const leaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

describe('the Merkle tree of an object', () => {
  test.each(roots.map((root, count) => ({ count, root })))(
    'has the root of RFC 6962 over $count leaves',
    ({ count, root }) => {
      expect(merkleRoot(leaves.slice(0, count)).toString('hex')).toBe(root);
    },
  );

  test('has the published proof for a leaf', () => {
    const proof = inclusionProof(leaves, 5).map((hash) => hash.toString('hex'));
    expect(proof).toEqual([
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
  });

  test('can be asked for its root in between', () => {
    const tree = new MerkleRoot();
    leaves.forEach((leaf, index) => {
      expect(tree.root().toString('hex')).toBe(roots[index]);
      tree.add(leaf);
    });
    expect(tree.root().toString('hex')).toBe(roots[8]);
  });

  test('proves every one of its lines', () => {
    assertProperty(
      property(integer({ min: 1, max: 130 }), nat(), (size, choice) => {
        const lines = linesOf(size);
        const index = choice % size;
        const proof = inclusionProof(lines, index);
        const claim = { lineSha256: line(index), index, size, proof, root: merkleRoot(lines) };
        expect(isIncluded(claim)).toBe(true);
      }),
    );
  });

  test('proves nothing else', () => {
    assertProperty(
      property(
        integer({ min: 2, max: 130 }),
        nat(),
        uint8Array({ minLength: 32, maxLength: 32 }),
        (size, choice, noise) => {
          const lines = linesOf(size);
          const index = choice % size;
          const proof = inclusionProof(lines, index);
          const claim = { lineSha256: line(index), index, size, proof, root: merkleRoot(lines) };
          const other = Buffer.from(noise);
          const at = choice % proof.length;
          expect(isIncluded({ ...claim, lineSha256: other })).toBe(false);
          expect(isIncluded({ ...claim, root: other })).toBe(false);
          expect(isIncluded({ ...claim, proof: proof.with(at, other) })).toBe(false);
          expect(isIncluded({ ...claim, proof: proof.slice(1) })).toBe(false);
          expect(isIncluded({ ...claim, proof: [...proof, other] })).toBe(false);
          expect(isIncluded({ ...claim, index: (index + 1) % size })).toBe(false);
          expect(isIncluded({ ...claim, index: index + size })).toBe(false);
          expect(isIncluded({ ...claim, index: -1 })).toBe(false);
        },
      ),
    );
  });

  test('has no proof for a line that it does not have', () => {
    expect(() => inclusionProof(leaves, 8)).toThrow('there is no line 8 among 8');
    expect(() => inclusionProof([], 0)).toThrow(RangeError);
  });
});

function line(index: number): Buffer {
  return createHash('sha256').update(`line ${index}`).digest();
}

function linesOf(size: number): Buffer[] {
  return Array.from({ length: size }, (_, index) => line(index));
}
