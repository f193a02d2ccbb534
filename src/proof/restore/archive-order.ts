/** A verified archive in the order in which it was written: objects by sequence, each digest behind what it lists. */
import type { DigestObject } from '../../archive/digest/digest-payload.ts';
import { parseArchiveKey } from '../../archive/layout.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import type { DigestRecord } from '../verify/digest-chain.ts';
import { readDigests } from '../verify/digest-reading.ts';
import { Findings } from '../verify/findings.ts';
import type { VerifiedArchive } from '../verify/verify-archive.ts';
import { archiveChanged } from './refusals.ts';

export interface OrderedObject {
  readonly key: string;
  readonly firstSequence: number;
  /** Undefined for an object that came after the newest digest. */
  readonly claim: DigestObject | undefined;
}

export type ArchiveStep =
  | { readonly kind: 'object'; readonly object: OrderedObject }
  | { readonly kind: 'digest'; readonly record: DigestRecord };

/** Reads the digests once more; throws `archive_changed` where one is not what was verified. */
export async function* inWrittenOrder(
  archive: VerifiedArchive,
  options: { readonly store: ObjectStore; readonly signal: AbortSignal },
): AsyncGenerator<ArchiveStep> {
  const { group, records } = archive;
  const rest = new Map<string, number>();
  for (const { entries } of group.folders) {
    for (const key of entries.keys()) {
      const parsed = parseArchiveKey(key);
      if (parsed?.kind === 'entries') rest.set(key, parsed.firstSequence);
    }
  }
  const files = records.map(({ file }) => file);
  const again = readDigests(files, { ...options, findings: new Findings() });
  let next = 0;
  for await (const { file, sha256, payload } of again) {
    const record = records[next];
    next += 1;
    if (record?.file.key !== file.key || record.sha256 !== sha256) throw archiveChanged(file.key);
    for (const claim of payload.objects) {
      rest.delete(claim.key);
      const { key, firstSequence } = claim;
      yield { kind: 'object', object: { key, firstSequence, claim } };
    }
    yield { kind: 'digest', record };
  }
  const missed = records[next];
  if (missed !== undefined) throw archiveChanged(missed.file.key);
  const unsigned = [...rest].toSorted(([, one], [, other]) => one - other);
  for (const [key, firstSequence] of unsigned)
    yield { kind: 'object', object: { key, firstSequence, claim: undefined } };
}

/** The name under which the archive goes on: a configured one, else the one of its newest object. */
export function presentName({ group }: VerifiedArchive, configured: ReadonlySet<string>): string {
  const names = group.folders.map(({ organization }) => organization);
  const wanted = names.filter((name) => configured.has(name));
  if (wanted.length === 1 && wanted[0] !== undefined) return wanted[0];
  let newest = { name: group.organization, sequence: 0 };
  for (const { organization, entries } of group.folders) {
    for (const key of entries.keys()) {
      const parsed = parseArchiveKey(key);
      if (parsed?.kind === 'entries' && parsed.firstSequence > newest.sequence)
        newest = { name: organization, sequence: parsed.firstSequence };
    }
  }
  return newest.name;
}
