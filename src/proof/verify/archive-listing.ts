/** What lies in an archive, by name alone. */
import { parseArchiveKey, type ArchiveKey } from '../../archive/layout.ts';
import type { ListedObject, ObjectStore } from '../../archive/object-store.ts';
import type { SinkError } from '../../../sinks/sink-error.ts';
import type { Findings } from './findings.ts';
import { unreadableObject } from './unreadable.ts';

/** The folder of one organization's name. */
export interface ArchiveFolder {
  readonly organization: string;
  hasIdentity: boolean;
  /** Sizes of the entries objects by key. */
  readonly entries: Map<string, number>;
  /** Keys and sizes of the digests by number. */
  readonly digests: Map<number, ListedObject>;
  /** Paths of folders that could not be listed, each with a slash at its end. */
  readonly unreadable: string[];
}

export interface ArchiveListing {
  readonly folders: readonly ArchiveFolder[];
  /** Whether what was given seems to be the folder of one organization, one level too deep. */
  readonly isInsideOrganization: boolean;
}

export interface ListingContext {
  readonly store: ObjectStore;
  readonly findings: Findings;
  /** Names of organizations; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

export async function listArchive(context: ListingContext): Promise<ArchiveListing> {
  const folders = new Map<string, ArchiveFolder>();
  let isInsideOrganization = false;
  const onUnreadable = (folder: string, error: SinkError): void =>
    reportUnreadable(folder, { error, context, folders });
  for await (const object of context.store.list('', { signal: context.signal, onUnreadable })) {
    const parsed = parseArchiveKey(object.key);
    if (parsed !== undefined) {
      if (context.only === undefined || context.only.includes(parsed.organization)) {
        put(folderOf(folders, parsed.organization), parsed, object);
      }
      continue;
    }
    isInsideOrganization ||= /^(?:archive\.json$|entries\/|digests\/)/.test(object.key);
    reportForeign(context, object);
  }
  return { folders: [...folders.values()], isInsideOrganization };
}

function folderOf(folders: Map<string, ArchiveFolder>, organization: string): ArchiveFolder {
  const known = folders.get(organization);
  if (known !== undefined) return known;
  const folder: ArchiveFolder = {
    organization,
    hasIdentity: false,
    entries: new Map(),
    digests: new Map(),
    unreadable: [],
  };
  folders.set(organization, folder);
  return folder;
}

function put(folder: ArchiveFolder, parsed: ArchiveKey, object: ListedObject): void {
  switch (parsed.kind) {
    case 'identity':
      folder.hasIdentity = true;
      return;
    case 'entries':
      folder.entries.set(object.key, object.size);
      return;
    case 'digest':
      folder.digests.set(parsed.number, object);
      return;
    default:
      parsed satisfies never;
  }
}

/** What lies in it may be anything, so whatever is found in the rest, the archive is not verified. */
function reportUnreadable(
  folder: string,
  {
    error,
    context: { findings, only },
    folders,
  }: {
    readonly error: SinkError;
    readonly context: ListingContext;
    readonly folders: Map<string, ArchiveFolder>;
  },
): void {
  const [top = ''] = folder.split('/');
  const why = unreadableObject(error);
  if (why === undefined) throw error;
  if (!top.startsWith('organization=')) {
    findings.note({
      code: 'object_outside',
      message: `The folder ${shown(folder)} lies beside the folders of the archive and was not looked at.`,
    });
    return;
  }
  const organization = top.slice('organization='.length);
  if (only !== undefined && !only.includes(organization)) return;
  if (parseArchiveKey(`${top}/archive.json`) !== undefined)
    folderOf(folders, organization).unreadable.push(folder);
  findings.add({
    code: 'folder_unreadable',
    organization,
    object: folder,
    message: `The folder ${shown(folder)} can't be listed, so nothing in it was verified: ${why}`,
  });
}

/** Names outside the folders of organizations are somebody else's; inside there is nothing but the archive. */
function reportForeign({ findings, only }: ListingContext, { key, size }: ListedObject): void {
  // Consoles make these for folders; they hold nothing.
  if (key.endsWith('/') && size === 0) return;
  const [folder = ''] = key.split('/');
  if (!folder.startsWith('organization=')) {
    findings.note({
      code: 'object_outside',
      message: `The object ${shown(key)} lies beside the folders of the archive and was not looked at.`,
    });
    return;
  }
  const organization = folder.slice('organization='.length);
  if (only !== undefined && !only.includes(organization)) return;
  findings.add({
    code: 'object_foreign',
    organization,
    object: key,
    message: `The object ${shown(key)} has a name that the archive never gives. Somebody else put it there; it was not read.`,
  });
}

function shown(key: string): string {
  return /^[\w.=/-]+$/.test(key) ? key : JSON.stringify(key);
}
