/**
 * Which folders belong to one archive. An organization that was renamed goes on in a folder of its new name: sequences, digests
 * and chain go on with it, so both are verified as one.
 */
import { parseIdentity, type ArchiveIdentity } from '../../archive/archive-identity.ts';
import { archiveFormatVersion, identityKey } from '../../archive/layout.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import type { ArchiveFolder } from './archive-listing.ts';
import type { DigestFile } from './digest-reading.ts';
import type { FindingCode, Findings } from './findings.ts';
import { unreadableObject } from './unreadable.ts';

export interface ArchiveGroup {
  /** In the order of their digests; the last one has the organization's present name. */
  readonly folders: readonly ArchiveFolder[];
  readonly organization: string;
  readonly identity: ArchiveIdentity | undefined;
}

export interface GroupContext {
  readonly store: ObjectStore;
  readonly findings: Findings;
  readonly signal: AbortSignal;
}

const identityBytesMax = 64 * 1024;

export async function groupFolders(
  folders: readonly ArchiveFolder[],
  context: GroupContext,
): Promise<ArchiveGroup[]> {
  const groups: { folders: ArchiveFolder[]; identity: ArchiveIdentity | undefined }[] = [];
  const inOrder = folders.toSorted((one, other) => firstNumber(one) - firstNumber(other));
  for (const folder of inOrder) {
    const identity = await checkIdentity(folder, context);
    const group = groups.find((candidate) => continues(candidate, folder, identity));
    if (group === undefined) groups.push({ folders: [folder], identity });
    else group.folders.push(folder);
  }
  return groups.map((group) => ({
    ...group,
    organization: nameOf(group.folders),
  }));
}

/** The newest name that digests vouch for: a folder without any can be put there by anybody, and must rename nothing. */
function nameOf(folders: readonly ArchiveFolder[]): string {
  const named = folders.findLast(({ digests }) => digests.size > 0) ?? folders.at(-1);
  return named?.organization ?? '';
}

/** Whether a key lies in a folder that could not be listed: that it is not there is not known then. */
export function isHidden({ folders }: Pick<ArchiveGroup, 'folders'>, key: string): boolean {
  return folders.some(({ unreadable }) => unreadable.some((folder) => key.startsWith(folder)));
}

/** The digests of a group in the order of their numbers. */
export function digestFiles({ folders }: ArchiveGroup): DigestFile[] {
  return folders
    .flatMap(({ organization, digests }) =>
      [...digests].map(([number, object]) => ({ ...object, organization, number })),
    )
    .toSorted((one, other) => one.number - other.number);
}

function continues(
  group: { readonly folders: readonly ArchiveFolder[]; readonly identity: ArchiveIdentity | undefined },
  folder: ArchiveFolder,
  identity: ArchiveIdentity | undefined,
): boolean {
  if (identity === undefined || group.identity?.ledgerId !== identity.ledgerId) return false;
  const [ours, theirs] = [group.identity.organization.id, identity.organization.id];
  if (ours !== null && theirs !== null) return ours === theirs;
  // Without an id only the numbers tell that one goes on where the other ended; the hashes are compared later.
  const last = Math.max(0, ...group.folders.flatMap(({ digests }) => [...digests.keys()]));
  return folder.digests.size > 0 && firstNumber(folder) === last + 1 && last > 0;
}

function firstNumber({ digests }: ArchiveFolder): number {
  return digests.size === 0 ? Number.MAX_SAFE_INTEGER : Math.min(...digests.keys());
}

async function checkIdentity(
  folder: ArchiveFolder,
  context: GroupContext,
): Promise<ArchiveIdentity | undefined> {
  const { organization } = folder;
  const object = identityKey(organization);
  const report = (code: FindingCode, what: string): undefined => {
    context.findings.add({ code, organization, object, message: `${object} ${what}` });
  };
  if (!folder.hasIdentity) {
    if (isHidden({ folders: [folder] }, object)) return undefined;
    return report('identity_missing', 'is missing. It says whose archive this is.');
  }
  const bytes = await readIdentityBytes(object, context);
  if (typeof bytes === 'string') return report('identity_unreadable', `can't be read: ${bytes}`);
  const identity = bytes === undefined ? undefined : parseIdentity(bytes);
  if (identity === undefined) {
    return report('identity_unreadable', 'is not the identity of an archive: it was altered.');
  }
  if (identity.formatVersion !== archiveFormatVersion) {
    return report(
      'identity_mismatch',
      `names format version ${identity.formatVersion}; this program reads version ${archiveFormatVersion}.`,
    );
  }
  if (identity.organization.name !== organization) {
    return report(
      'identity_mismatch',
      `belongs to the organization ${identity.organization.name}: it was altered, or copied here.`,
    );
  }
  return identity;
}

/** Or why it can't be read. */
async function readIdentityBytes(
  key: string,
  { store, signal }: GroupContext,
): Promise<Buffer | string | undefined> {
  try {
    return (await store.get(key, { bytesMax: identityBytesMax, signal }))?.bytes;
  } catch (error) {
    if (error instanceof SinkError && error.code === 'object_too_large') return undefined;
    const why = unreadableObject(error);
    if (why === undefined) throw error;
    return why;
  }
}
