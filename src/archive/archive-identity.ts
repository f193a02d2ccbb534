/**
 * `archive.json`: what a tree of objects is and whose. It is written once, before anything else, and tells two
 * exporters on one prefix apart, because each ledger has a random id. Its key also serves to find out whether the
 * store really refuses to replace an object: some take the condition and ignore it.
 */
import { createHash } from 'node:crypto';
import { SinkError } from '../../sinks/sink-error.ts';
import { DigestFormatError } from './digest/digest-error.ts';
import { parseJsonOnce } from './digest/json.ts';
import { archiveFormatVersion, identityKey, jsonContentType } from './layout.ts';
import type { ObjectCallOptions, ObjectStore } from './object-store.ts';

export interface ArchiveIdentity {
  readonly formatVersion: number;
  readonly organization: {
    readonly name: string;
    /** Null where the API did not tell when the archive was begun. */
    readonly id: string | null;
  };
  readonly ledgerId: string;
}

/** More than any identity has. */
const identityBytesMax = 64 * 1024;

export function formatIdentity(identity: ArchiveIdentity): Buffer {
  const { formatVersion, organization, ledgerId } = identity;
  const { name, id } = organization;
  return Buffer.from(`${JSON.stringify({ formatVersion, organization: { name, id }, ledgerId }, null, 2)}\n`);
}

/** What an `archive.json` says; undefined when it is not one. Unknown fields are allowed. */
export function parseIdentity(bytes: Buffer): ArchiveIdentity | undefined {
  let parsed: unknown;
  try {
    parsed = parseJsonOnce(bytes);
  } catch (error) {
    if (error instanceof DigestFormatError) return undefined;
    throw error;
  }
  if (!isRecord(parsed) || !isRecord(parsed['organization'])) return undefined;
  const { formatVersion, ledgerId } = parsed;
  const { name, id } = parsed['organization'];
  if (typeof formatVersion !== 'number' || typeof ledgerId !== 'string' || typeof name !== 'string') {
    return undefined;
  }
  if (typeof id !== 'string' && id !== null && id !== undefined) return undefined;
  return { formatVersion, organization: { name, id: id ?? null }, ledgerId };
}

/**
 * Begins the archive, or checks that the one that is there belongs to the same ledger and organization, and that the
 * store refuses to replace an object (unless it is known not to: `store.isConditional` is false).
 * Rejects with `foreign_writer`, `archive_unreadable` or `conditional_writes_ignored`, and, where the archive `hasBegun`
 * and its identity is gone, with `destination_lost`.
 */
export async function claimArchive(
  store: ObjectStore,
  claim: ArchiveIdentity,
  options: ObjectCallOptions & { readonly hasBegun: boolean },
): Promise<void> {
  const { name } = claim.organization;
  // Reading comes first, so that a store that ignores conditions can't replace somebody else's identity.
  const found = await readIdentityObject(store, name, options);
  if (found !== undefined) {
    assertSameArchive(store, found.identity, claim);
    if (store.isConditional) await probeConditionalWrites(store, { name, bytes: found.bytes, ...options });
    return;
  }
  if (options.hasBegun) throw identityLost(store, name);
  const bytes = formatIdentity(claim);
  const outcome = await putIdentity(store, { name, bytes, ...options });
  const written = await readIdentityObject(store, name, options);
  if (written === undefined) {
    throw new SinkError(
      `The archive in ${store.location} does not give back ${identityKey(name)} just after storing it, so nothing can be kept there safely. It will be tried again.`,
      { code: 'store_inconsistent', retryable: true },
    );
  }
  assertSameArchive(store, written.identity, claim);
  if (outcome === 'created' && store.isConditional) {
    await probeConditionalWrites(store, { name, bytes: written.bytes, ...options });
  }
}

/**
 * Looks at a place without beginning an archive there. Where one is, it must be this ledger's, and the store must refuse to
 * replace its `archive.json`: nothing changes then. Where none is, nothing is put, so `untried`: the only way to find out is to
 * put an object twice, and an object that is put stays. Rejects as `claimArchive` does.
 */
export async function tryClaim(
  store: ObjectStore,
  claim: ArchiveIdentity,
  options: ObjectCallOptions,
): Promise<'honoured' | 'untried'> {
  const { name } = claim.organization;
  const found = await readIdentityObject(store, name, options);
  if (found === undefined) return 'untried';
  assertSameArchive(store, found.identity, claim);
  if (store.isConditional) await probeConditionalWrites(store, { name, bytes: found.bytes, ...options });
  return 'honoured';
}

/** What this ledger claimed, and what its `archive.json` was when it was read last. */
export interface ClaimedArchive {
  readonly claim: ArchiveIdentity;
  revision: string | undefined;
}

/**
 * Whether the archive that was claimed is still the one that is there. Read, since the answer to a HEAD can't say whether
 * the object is missing or its bucket; but not again where the store can tell that nothing has happened to it. Rejects with
 * `destination_lost`, `foreign_writer` or `archive_unreadable`.
 */
export async function assertStillClaimed(
  store: ObjectStore,
  claimed: ClaimedArchive,
  options: ObjectCallOptions,
): Promise<void> {
  const { claim } = claimed;
  const { name } = claim.organization;
  // Before reading: what is altered in between is read the next time.
  const revision = await store.revision?.(identityKey(name), options);
  if (revision !== undefined && revision === claimed.revision) return;
  const found = await readIdentityObject(store, name, options);
  if (found === undefined) throw identityLost(store, name);
  assertSameArchive(store, found.identity, claim);
  claimed.revision = revision;
}

function identityLost(store: ObjectStore, name: string): SinkError {
  return new SinkError(
    `The archive in ${store.location} no longer holds ${identityKey(name)}, which was there before: it was deleted, or another place is there under its name, ` +
      `as when a disk is not mounted. Nothing was written. Bring the archive back, or retire this sink and export anew under another prefix or directory.`,
    { code: 'destination_lost', retryable: false },
  );
}

interface IdentityPut extends ObjectCallOptions {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Puts the same bytes a second time: a store that takes them now would take other bytes later. */
async function probeConditionalWrites(store: ObjectStore, put: IdentityPut): Promise<void> {
  if ((await putIdentity(store, put)) === 'exists') return;
  throw new SinkError(
    `The store of ${store.location} ignores conditional writes: it replaced ${identityKey(put.name)} although it was told not to. ` +
      `Two exporters could overwrite each other's objects there. Use a store that honours If-None-Match, ` +
      `or set conditionalWrites: off if nobody else ever writes to this prefix.`,
    { code: 'conditional_writes_ignored', retryable: false },
  );
}

function putIdentity(store: ObjectStore, put: IdentityPut): Promise<'created' | 'exists'> {
  return store.putIfAbsent(identityKey(put.name), put.bytes, {
    sha256: createHash('sha256').update(put.bytes).digest(),
    contentType: jsonContentType,
    signal: put.signal,
  });
}

async function readIdentityObject(
  store: ObjectStore,
  organization: string,
  options: ObjectCallOptions,
): Promise<{ identity: ArchiveIdentity; bytes: Buffer } | undefined> {
  const key = identityKey(organization);
  const object = await store.get(key, { bytesMax: identityBytesMax, signal: options.signal });
  if (object === undefined) return undefined;
  const identity = parseIdentity(object.bytes);
  if (identity !== undefined) return { identity, bytes: object.bytes };
  throw new SinkError(
    `The object ${key} in ${store.location} is not the identity of an archive. Somebody else writes there; use another prefix or directory.`,
    { code: 'archive_unreadable', retryable: false },
  );
}

function assertSameArchive(store: ObjectStore, found: ArchiveIdentity, claim: ArchiveIdentity): void {
  const where = `The object ${identityKey(claim.organization.name)} in ${store.location}`;
  if (found.formatVersion !== claim.formatVersion) {
    throw new SinkError(
      `${where} has format version ${found.formatVersion}; this program writes version ${claim.formatVersion}. ` +
        `Use the program that wrote it, or another prefix or directory.`,
      { code: 'archive_unreadable', retryable: false },
    );
  }
  const [ours, theirs] = [claim.organization.id, found.organization.id];
  if (
    found.organization.name !== claim.organization.name ||
    (ours !== null && theirs !== null && ours !== theirs)
  ) {
    throw new SinkError(
      `${where} belongs to the organization ${found.organization.name} (id ${theirs ?? 'unknown'}), ` +
        `not to ${claim.organization.name} (id ${ours ?? 'unknown'}). Use another prefix or directory.`,
      { code: 'foreign_writer', retryable: false },
    );
  }
  if (found.ledgerId === claim.ledgerId) return;
  throw new SinkError(
    `${where} was begun by another ledger (${found.ledgerId}, this one is ${claim.ledgerId}). ` +
      `If that ledger is lost, rebuild it from the archive with 'ccloud-audit restore'; ` +
      `otherwise give this sink another prefix or directory.`,
    { code: 'foreign_writer', retryable: false },
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The identity that a delivery claims. */
export function identityOf(claim: {
  readonly organization: string;
  readonly organizationId: string | undefined;
  readonly ledgerId: string;
}): ArchiveIdentity {
  return {
    formatVersion: archiveFormatVersion,
    organization: { name: claim.organization, id: claim.organizationId ?? null },
    ledgerId: claim.ledgerId,
  };
}
