/**
 * All objects of one archive, in the order in which they are to be checked: what the digests list, then what no digest
 * lists. Counts what was seen.
 */
import type { DigestObject, DigestPayload } from '../../archive/digest/digest-payload.ts';
import { digestsFolder, entriesFolder, parseArchiveKey } from '../../archive/layout.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import { isHidden, type ArchiveGroup } from './archive-group.ts';
import { ClaimWalk } from './claimed-objects.ts';
import type { DigestRecord } from './digest-chain.ts';
import { readDigests } from './digest-reading.ts';
import type { DoubleId } from './double-ids.ts';
import { Findings } from './findings.ts';
import type { ObjectSeen, ObjectToCheck } from './object-check.ts';

export interface ObjectJob extends ObjectToCheck {
  /** Bytes that it holds in memory. */
  readonly bytes: number;
  /** False for an object where none should be: its ids are those of others. */
  readonly isOwn: boolean;
}

export interface ObjectWalkOptions {
  readonly group: ArchiveGroup;
  readonly records: readonly DigestRecord[];
  readonly store: ObjectStore;
  readonly findings: Findings;
  readonly signal: AbortSignal;
}

interface ListedEntries {
  readonly key: string;
  readonly organization: string;
  readonly firstSequence: number;
  readonly size: number;
  isListed: boolean;
}

interface PendingObject {
  readonly key: string;
  readonly firstSequence: number;
  entries: number;
}

export class ObjectWalk {
  readonly #options: ObjectWalkOptions;
  readonly #claims: ClaimWalk;
  readonly #byKey = new Map<string, ListedEntries>();
  readonly #pending: PendingObject[] = [];
  readonly days: Map<string, { objects: number; entries: number }> = new Map();
  objects = 0;
  entries = 0;
  rawBytes = 0;
  storedBytes = 0;
  firstSequence: number | undefined;
  lastSequence: number | undefined;
  notYetSigned: { objects: number; entries: number } = { objects: 0, entries: 0 };

  constructor(options: ObjectWalkOptions) {
    this.#options = options;
    const { group, findings } = options;
    const folders = group.folders.map(({ organization }) => organization);
    this.#claims = new ClaimWalk({ organization: group.organization, folders, findings });
    for (const { organization, entries } of group.folders) {
      for (const [key, size] of entries) {
        const parsed = parseArchiveKey(key);
        if (parsed?.kind !== 'entries') continue;
        const { firstSequence } = parsed;
        this.#byKey.set(key, { key, organization, firstSequence, size, isListed: false });
      }
    }
  }

  async *jobs(): AsyncGenerator<ObjectJob> {
    const { records, group, findings } = this.#options;
    const missing: DigestObject[] = [];
    for await (const { record, payload } of this.#digests()) {
      this.#claims.digest(record.file, payload);
      for (const claim of payload.objects) {
        const listed = this.#byKey.get(claim.key);
        if (listed === undefined) missing.push(claim);
        else if (!listed.isListed) yield this.#job(listed, claim);
      }
    }
    yield* this.#missing(missing);
    const through = records.at(-1)?.payload.through.sequence ?? 0;
    const rest = [...this.#byKey.values()]
      .filter(({ isListed }) => !isListed)
      .toSorted((one, other) => one.firstSequence - other.firstSequence);
    if (records.length === 0 && !this.#areDigestsHidden) {
      findings.add({
        code: 'no_digests',
        organization: group.organization,
        message: `The archive of ${group.organization} holds ${rest.length} objects and no digest: nothing says what they must be.`,
      });
    }
    yield* this.#unlisted(rest, through);
  }

  seen(job: ObjectJob, seen: ObjectSeen | undefined): void {
    if (seen === undefined || !job.isOwn) return;
    const parsed = parseArchiveKey(job.key);
    if (parsed?.kind !== 'entries') return;
    const { firstSequence } = parsed;
    const day = this.days.get(parsed.day) ?? { objects: 0, entries: 0 };
    this.days.set(parsed.day, { objects: day.objects + 1, entries: day.entries + seen.entries });
    this.objects += 1;
    this.entries += seen.entries;
    this.rawBytes += seen.rawBytes;
    this.storedBytes += job.storedBytes;
    this.firstSequence = Math.min(firstSequence, this.firstSequence ?? firstSequence);
    const last = firstSequence + seen.entries - 1;
    this.lastSequence = Math.max(last, this.lastSequence ?? last);
    if (job.claim !== undefined) return;
    this.#pending.push({ key: job.key, firstSequence, entries: seen.entries });
  }

  /** When all jobs are done: whether what is not yet signed follows what is. */
  end(): void {
    const { records, group, findings } = this.#options;
    const { organization } = group;
    let last = records.at(-1)?.payload.through.sequence ?? 0;
    const pending = this.#pending.toSorted((one, other) => one.firstSequence - other.firstSequence);
    // A sink that was added later begins where its `from` says.
    if (last === 0) last = (pending[0]?.firstSequence ?? 1) - 1;
    for (const { key, firstSequence, entries } of pending) {
      if (firstSequence !== last + 1) {
        const isGap = firstSequence > last + 1;
        findings.add({
          code: isGap ? 'sequence_gap' : 'sequence_overlap',
          organization,
          object: key,
          message: isGap
            ? `In the archive of ${organization}, the sequences ${last + 1} to ${firstSequence - 1} are missing before ${key}.`
            : `In the archive of ${organization}, ${key} begins with sequence ${firstSequence}, and the object before it ends with ${last}.`,
        });
      }
      last = firstSequence + entries - 1;
      this.notYetSigned = {
        objects: this.notYetSigned.objects + 1,
        entries: this.notYetSigned.entries + entries,
      };
    }
    if (this.notYetSigned.objects === 0 || records.length === 0) return;
    findings.note({
      code: 'not_yet_signed',
      organization,
      message: `${this.notYetSigned.objects} ${this.notYetSigned.objects === 1 ? 'object' : 'objects'} of ${organization} with ${this.notYetSigned.entries} entries came after the newest digest and ${this.notYetSigned.objects === 1 ? 'is' : 'are'} not signed yet.`,
    });
  }

  /** The objects that no digest lists yet, in the order of sequences. */
  get pending(): readonly string[] {
    return this.#pending
      .toSorted((one, other) => one.firstSequence - other.firstSequence)
      .map(({ key }) => key);
  }

  /** Whether the archive holds an entries object of this name. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  double({ firstSequence, sequence }: DoubleId): void {
    const { group, findings } = this.#options;
    const [first, second] = [firstSequence, sequence].map((place) => this.#placeOf(place));
    findings.add({
      code: 'id_double',
      organization: group.organization,
      object: second?.key,
      line: second?.line,
      message: `The same id occurs twice: in line ${first?.line ?? '?'} of ${first?.key ?? '?'} and in line ${second?.line ?? '?'} of ${second?.key ?? '?'} (sequences ${firstSequence} and ${sequence}).`,
    });
  }

  /** The digests with their lists, read a second time; those without objects come from memory. */
  async *#digests(): AsyncGenerator<{ record: DigestRecord; payload: DigestPayload }> {
    const { records, store, signal, findings } = this.#options;
    const full = records.filter(({ objectCount }) => objectCount > 0).map(({ file }) => file);
    // What can't be read was reported the first time.
    const again = readDigests(full, { store, signal, findings: new Findings() });
    try {
      for (const record of records) {
        if (record.objectCount === 0) {
          yield { record, payload: { ...record.payload, objects: [], journal: [], changes: [] } };
          continue;
        }
        const { value: digest } = await again.next();
        if (digest?.sha256 === record.sha256) {
          yield { record, payload: digest.payload };
          continue;
        }
        findings.add({
          code: 'digest_unreadable',
          organization: record.file.organization,
          object: record.file.key,
          message: `The digest ${record.file.key} changed while the archive was verified.`,
        });
        return;
      }
    } finally {
      await again.return(undefined);
    }
  }

  #job(listed: ListedEntries, claim: DigestObject | undefined, isOwn: boolean = true): ObjectJob {
    listed.isListed = true;
    const { organization, key, size } = listed;
    return { organization, key, storedBytes: size, bytes: size, claim, isOwn };
  }

  get #areDigestsHidden(): boolean {
    const { group } = this.#options;
    return group.folders.some(({ organization }) => isHidden(group, digestsFolder(organization)));
  }

  *#missing(claims: readonly DigestObject[]): Generator<ObjectJob> {
    const { group, findings } = this.#options;
    if (claims.length === 0) return;
    const unlisted = new Map(
      [...this.#byKey.values()]
        .filter(({ isListed }) => !isListed)
        .map((listed) => [listed.firstSequence, listed] as const),
    );
    for (const claim of claims) {
      const isOurs = group.folders.some(({ organization }) =>
        claim.key.startsWith(entriesFolder(organization)),
      );
      if (isHidden(group, claim.key)) {
        findings.add({
          code: 'object_unreadable',
          organization: group.organization,
          object: claim.key,
          message: `The object ${claim.key} lies in a folder that can't be listed: sequences ${claim.firstSequence} to ${claim.lastSequence}, ${claim.entries} entries.`,
        });
        continue;
      }
      const moved = isOurs ? unlisted.get(claim.firstSequence) : undefined;
      findings.add({
        code: moved === undefined ? 'object_missing' : 'object_moved',
        organization: group.organization,
        object: claim.key,
        message:
          moved === undefined
            ? `The object ${claim.key} is missing: sequences ${claim.firstSequence} to ${claim.lastSequence}, ${claim.entries} entries.`
            : `The object ${claim.key} is not in its place; ${moved.key} begins with the same sequence. Folders of days were renamed, or objects moved.`,
      });
      if (moved !== undefined && !moved.isListed) yield this.#job(moved, claim);
    }
  }

  *#unlisted(rest: readonly ListedEntries[], through: number): Generator<ObjectJob> {
    const { group, findings, records } = this.#options;
    for (const listed of rest) {
      const isCovered = records.length > 0 && listed.firstSequence <= through;
      if (isCovered) {
        findings.add({
          code: 'object_not_covered',
          organization: group.organization,
          object: listed.key,
          message: `The object ${listed.key} is listed by no digest, although they reach to sequence ${through}: it was put there by somebody else, or the digest that lists it is missing.`,
        });
      }
      yield this.#job(listed, undefined, !isCovered);
    }
  }

  #placeOf(sequence: number): { key: string; line: number } | undefined {
    let best: ListedEntries | undefined;
    for (const listed of this.#byKey.values()) {
      if (listed.firstSequence > sequence) continue;
      if (best === undefined || listed.firstSequence > best.firstSequence) best = listed;
    }
    return best === undefined ? undefined : { key: best.key, line: sequence - best.firstSequence + 1 };
  }
}
