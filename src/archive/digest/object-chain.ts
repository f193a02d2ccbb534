/**
 * The chain over an archive's objects: each value depends on every object up to then, so that none can be altered,
 * left out, put in or reordered without changing all that follow. The start binds format, ledger, organization and sink.
 */
import { createHash } from 'node:crypto';

export interface ChainStart {
  readonly ledgerId: string;
  /** The organization's id at the vendor as the archive's first digest names it; null where it was not known then. */
  readonly organizationId: string | null;
  readonly sink: string;
}

/** What an object adds to the chain; hashes are 32 bytes. */
export interface ChainedObject {
  readonly contentSha256: Buffer;
  readonly storedSha256: Buffer;
  readonly merkleRoot: Buffer;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** The chain's value before the first object. */
export function chainStart({ ledgerId, organizationId, sink }: ChainStart): Buffer {
  return createHash('sha256')
    .update(`ccloud-audit-export archive v1\n${ledgerId}\n${organizationId ?? ''}\n${sink}\n`)
    .digest();
}

/** The chain's value after an object. */
export function chainAfter(previous: Buffer, object: ChainedObject): Buffer {
  return createHash('sha256')
    .update(previous)
    .update(object.contentSha256)
    .update(object.storedSha256)
    .update(object.merkleRoot)
    .update(bigEndian(object.firstSequence))
    .update(bigEndian(object.lastSequence))
    .digest();
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
