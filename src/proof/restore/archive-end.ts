/**
 * The end of an archive that is to be restored. What lies behind the newest digest nobody signed yet, and the restored exporter
 * would: whoever can write there could have put it there. And digests that were cut off show only by a witness elsewhere.
 */
import type { Findings } from '../verify/findings.ts';
import type { VerifiedArchive } from '../verify/verify-archive.ts';

/** Reports entries that no digest lists, and a newest digest that is not the one that was witnessed, where any was. */
export function checkEnd(
  archive: VerifiedArchive,
  { heads, findings }: { readonly heads: readonly string[]; readonly findings: Findings },
): void {
  if (heads.length > 0) checkHead(archive, heads, findings);
  const { group, records, walk } = archive;
  const { objects, entries } = walk.notYetSigned;
  const newest = records.at(-1);
  if (objects === 0 || newest === undefined) return;
  findings.add({
    code: 'end_unsigned',
    organization: group.organization,
    message:
      `${objects} ${objects === 1 ? 'object' : 'objects'} of ${group.organization} with ${entries} entries, from sequence ${newest.payload.through.sequence + 1} on, came after ` +
      `its newest digest (number ${newest.file.number}, of ${newest.payload.createdAt}): nobody signed them, and the next digest would. Restore them with --allow-unsigned-end, ` +
      'then run `reconcile` before the exporter. Or move these objects out of the archive: the next run reads again what the Cloud API still has.',
  });
}

function checkHead({ group, records }: VerifiedArchive, heads: readonly string[], findings: Findings): void {
  const { organization } = group;
  const newest = records.at(-1);
  if (newest !== undefined && heads.includes(newest.sha256)) return;
  findings.add({
    code: 'head_not_newest',
    organization,
    object: newest?.file.key,
    message:
      newest === undefined
        ? `The archive of ${organization} has no digest, so not the one that was witnessed.`
        : `The newest digest of ${organization}, ${newest.file.key}, has the payload SHA-256 ${newest.sha256}, which is none of those that were given: ` +
          'newer ones were removed or added, or an organization has no --head.',
  });
}
