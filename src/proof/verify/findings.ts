/** What `verify` can find: each kind has a stable code, and each finding a sentence that names the object and the line. */

/** The codes, and what each means in general. They only grow. */
export const findingCodes = {
  nothing_found: 'there is no archive where one was to be verified',
  organization_missing: 'an organization that the configuration sends to the archive has nothing in it',
  identity_missing: 'archive.json is missing',
  identity_unreadable: 'archive.json is not the identity of an archive, or can not be read',
  identity_mismatch:
    'archive.json names another organization, ledger or format than its folder or the digests',
  object_foreign: 'an object in the folder of an organization has a name that the archive never gives',
  object_missing: 'an object that a digest lists is not there',
  object_moved: 'an object lies in the folder of another day',
  object_not_covered: 'an object lies in a range that digests cover, and none of them lists it',
  object_altered: 'the stored bytes and the content are not those that the digest lists',
  object_repacked: 'the content is the one that the digest lists, the stored bytes are others',
  object_unreadable: 'an object is listed and can not be read, or is larger than any object of an archive',
  folder_unreadable: 'a folder of the archive can not be listed, so what lies in it was not verified',
  gzip_invalid: 'the stored bytes are not exactly one whole gzip member',
  content_mismatch:
    'the digest contradicts itself: its hash of the stored bytes is right, that of the content is not',
  merkle_root_wrong: 'the Merkle root over the lines is not the one that the digest lists',
  entry_count_wrong: 'an object holds another number of lines than its digest lists',
  raw_bytes_wrong: 'the lines have another length in all than the digest lists',
  first_entry_wrong: 'the first line is not the entry that the digest lists',
  last_entry_wrong: 'the last line is not the entry that the digest lists',
  line_not_json: 'a line is not one JSON object in UTF-8',
  line_carriage_return: 'a line holds a carriage return',
  last_line_unfinished: 'the last line has no line break',
  wrong_day: 'an entry lies in the folder of another day than its created_at',
  id_double: 'an id occurs twice',
  sequence_gap: 'sequences are missing between two objects',
  sequence_overlap: 'two objects hold the same sequences',
  object_chain_broken: 'the chain over the objects is not the one that the digest lists',
  lines_too_many: 'an object holds many more lines than any object of an archive, or than its digest lists',
  digest_unreadable: 'a digest is not an envelope around a digest, or can not be read',
  digest_too_large: 'a digest is larger than any digest of an archive',
  digest_signatures_many: 'a digest has more signatures than any digest of an archive',
  digest_missing: 'the numbers of the digests have a gap',
  digests_start_late: 'the first digests are missing',
  no_digests: 'there are objects and no digest',
  digest_number_wrong: "a digest's number is not that of its name",
  digest_number_twice: 'two digests have the same number',
  digest_foreign: 'a digest speaks about another organization, ledger or sink',
  digest_inconsistent: 'a digest contradicts itself or its name',
  digest_totals_wrong: 'the totals of a digest are not those of what was listed up to it',
  digest_previous_wrong: 'a digest does not follow the one before it',
  digest_chain_forked: 'two digests with good signatures do not belong to one chain',
  digest_unsigned: 'a digest is not signed',
  archive_unsigned: 'no digest is signed',
  signature_removed: 'a digest has lost the signature that it had when it was made',
  signature_invalid: 'the signature of a digest does not belong to its content',
  signature_untrusted: 'a digest is signed by a key that is not trusted',
  key_not_given: 'digests are signed, and no public key was given to check them',
  key_unannounced: 'the signing key changed, and no digest of the old key named the new one',
  key_retired: 'a digest is signed by a key that an earlier digest replaced',
  newest_digest_stale: 'the newest digest is older than 26 hours',
  digests_end_early: 'the digests do not reach the time that was demanded',
  head_unknown: 'a digest that was witnessed elsewhere is not in the chain',
  head_not_newest: 'the newest digest of an archive that is to be restored is not the one that was witnessed',
  end_unsigned: 'an archive that is to be restored holds entries that no digest lists yet',
  object_versions: 'an object has more than one version: it was replaced at some time',
  object_deleted: 'an object has a delete marker',
  object_lock_missing: 'an object has no Object Lock, or a weaker one than was expected',
  object_lock_short: 'the Object Lock of an object ends too early',
  legal_hold_missing: 'an object has no legal hold',
  store_ahead: "the exporter's store knows objects or digests that the archive does not hold",
  store_differs: "the archive's digests are not those that the exporter's store made",
} as const;

export type FindingCode = keyof typeof findingCodes;

export interface Finding {
  readonly code: FindingCode;
  readonly message: string;
  readonly organization?: string | undefined;
  /** The object's key, relative to the prefix or directory. */
  readonly object?: string | undefined;
  /** Counted from 1. */
  readonly line?: number | undefined;
}

/** What a reader should know and is no failure. */
export interface VerifyNote {
  readonly code: string;
  readonly message: string;
  readonly organization?: string | undefined;
}

/** Keeps the first findings of each kind and counts the rest, so that a ruined archive fits into memory and a report. */
export class Findings {
  readonly #perCodeMax: number;
  readonly #kept: Finding[] = [];
  readonly #counts = new Map<FindingCode, number>();
  readonly #notes = new Map<string, VerifyNote>();

  constructor(options: { readonly perCodeMax?: number } = {}) {
    this.#perCodeMax = options.perCodeMax ?? 100;
  }

  add(finding: Finding): void {
    const count = (this.#counts.get(finding.code) ?? 0) + 1;
    this.#counts.set(finding.code, count);
    if (count <= this.#perCodeMax) this.#kept.push(finding);
  }

  /** A note with the same code and message is kept once. */
  note(note: VerifyNote): void {
    if (this.#notes.size < 1000) this.#notes.set(`${note.code} ${note.message}`, note);
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** In the order of objects and lines, however many objects were read at once. */
  get kept(): readonly Finding[] {
    return this.#kept.toSorted(byPlace);
  }

  get counts(): ReadonlyMap<FindingCode, number> {
    return this.#counts;
  }

  get notes(): readonly VerifyNote[] {
    return [...this.#notes.values()];
  }
}

function byPlace(one: Finding, other: Finding): number {
  const [object = '', otherObject = ''] = [one.object, other.object];
  if (object !== otherObject) return object < otherObject ? -1 : 1;
  // What is said of a line explains what is said of its object.
  return (one.line ?? Number.MAX_SAFE_INTEGER) - (other.line ?? Number.MAX_SAFE_INTEGER);
}
