import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { chainAfter, chainStart, type ChainedObject } from '../../../src/archive/digest/object-chain.ts';

const start = { ledgerId: 'ledger-1', organizationId: 'org-1', sink: 'archive' };
const object: ChainedObject = {
  contentSha256: hash('content'),
  storedSha256: hash('stored'),
  merkleRoot: hash('root'),
  firstSequence: 1,
  lastSequence: 0x1_0000_0002,
};

describe('the chain of objects', () => {
  test('starts with the ledger, the organization and the sink', () => {
    const text = 'ccloud-audit-export archive v1\nledger-1\norg-1\narchive\n';
    expect(chainStart(start).equals(hash(text))).toBe(true);
    const unknown = 'ccloud-audit-export archive v1\nledger-1\n\narchive\n';
    expect(chainStart({ ...start, organizationId: null }).equals(hash(unknown))).toBe(true);
  });

  test('goes on with all that the archive says of an object, in the documented order', () => {
    const bytes = Buffer.concat([
      chainStart(start),
      object.contentSha256,
      object.storedSha256,
      object.merkleRoot,
      Buffer.from('0000000000000001', 'hex'),
      Buffer.from('0000000100000002', 'hex'),
    ]);
    expect(chainAfter(chainStart(start), object).equals(hash(bytes))).toBe(true);
  });

  test.each([
    { contentSha256: hash('other') },
    { storedSha256: hash('other') },
    { merkleRoot: hash('other') },
    { firstSequence: 2 },
    { lastSequence: 3 },
  ])('differs when %j does', (change) => {
    const previous = chainStart(start);
    expect(chainAfter(previous, { ...object, ...change }).equals(chainAfter(previous, object))).toBe(false);
  });
});

function hash(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}
