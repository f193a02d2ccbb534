/**
 * What the digests list, one object after the other, and whether it fits together: sequences without gaps or overlaps, the
 * chain over the objects, the totals of every digest.
 */
import type { DigestObject, DigestPayload } from '../../archive/digest/digest-payload.ts';
import { chainAfter, chainStart } from '../../archive/digest/object-chain.ts';
import { archiveDay, parseArchiveKey } from '../../archive/layout.ts';
import { parseTimestamp } from '../../time.ts';
import type { DigestFile } from './digest-reading.ts';
import type { FindingCode, Findings } from './findings.ts';

interface ChainPlace {
  readonly sequence: number | undefined;
  readonly objects: number;
  readonly entries: number;
  readonly chain: Buffer;
}

export interface ClaimWalkOptions {
  readonly organization: string;
  /** The names that the organization has, or had, in this archive. */
  readonly folders: readonly string[];
  readonly findings: Findings;
}

export class ClaimWalk {
  readonly #options: ClaimWalkOptions;
  /** Undefined before the first digest, and where digests are missing: nothing is known about what they listed. */
  #place: ChainPlace | undefined;
  #lastNumber = 0;
  firstSequence: number | undefined;

  constructor(options: ClaimWalkOptions) {
    this.#options = options;
  }

  /** Checks what one digest lists; to be called in the order of numbers. */
  digest(file: DigestFile, payload: DigestPayload): void {
    if (file.number === 1) {
      const { ledgerId, sink, organization } = payload;
      const chain = chainStart({ ledgerId, sink, organizationId: organization.id });
      this.#place = { sequence: undefined, objects: 0, entries: 0, chain };
    } else if (file.number !== this.#lastNumber + 1) this.#place = undefined;
    this.#lastNumber = file.number;
    for (const object of payload.objects) this.#object(file, object);
    this.#totals(file, payload);
  }

  #object(file: DigestFile, object: DigestObject): void {
    this.firstSequence ??= object.firstSequence;
    this.#consistency(file, object);
    const place = this.#place;
    if (place === undefined) return;
    if (place.sequence !== undefined) this.#contiguity(object, place.sequence);
    const chain = chainAfter(place.chain, {
      contentSha256: Buffer.from(object.contentSha256, 'hex'),
      storedSha256: Buffer.from(object.storedSha256, 'hex'),
      merkleRoot: Buffer.from(object.merkleRoot, 'hex'),
      firstSequence: object.firstSequence,
      lastSequence: object.lastSequence,
    });
    if (chain.toString('hex') !== object.chainSha256) {
      const what = `the chain over the objects breaks at ${object.key}, as ${file.key} lists it: objects were altered, left out, put in or reordered`;
      this.#add('object_chain_broken', what, object.key);
    }
    this.#place = {
      sequence: object.lastSequence,
      objects: place.objects + 1,
      entries: place.entries + object.entries,
      chain: Buffer.from(object.chainSha256, 'hex'),
    };
  }

  #consistency(file: DigestFile, object: DigestObject): void {
    const parsed = parseArchiveKey(object.key);
    const inconsistent = (what: string): void =>
      this.#add('digest_inconsistent', `the digest ${file.key} lists ${object.key}, ${what}`, file.key);
    if (parsed?.kind !== 'entries' || !this.#options.folders.includes(parsed.organization)) {
      inconsistent('which is not the name of an object of this archive');
      return;
    }
    const first = parseTimestamp(object.firstCreatedAt);
    if (
      parsed.firstSequence !== object.firstSequence ||
      first === undefined ||
      archiveDay(first) !== parsed.day
    ) {
      inconsistent('whose name does not say its first sequence and its day');
    }
    if (object.lastSequence - object.firstSequence + 1 !== object.entries) {
      inconsistent(
        `with ${object.entries} entries, and the sequences ${object.firstSequence} to ${object.lastSequence}`,
      );
    }
  }

  #contiguity(object: DigestObject, last: number): void {
    if (object.firstSequence === last + 1) return;
    if (object.firstSequence > last) {
      this.#add(
        'sequence_gap',
        `the sequences ${last + 1} to ${object.firstSequence - 1} are missing before ${object.key}`,
        object.key,
      );
    } else {
      this.#add(
        'sequence_overlap',
        `${object.key} begins with sequence ${object.firstSequence}, and the object before it ends with ${last}`,
        object.key,
      );
    }
  }

  #totals(file: DigestFile, { through }: DigestPayload): void {
    const place = this.#place;
    const chain = Buffer.from(through.chainSha256, 'hex');
    if (place !== undefined) {
      const isRight =
        (place.sequence === undefined || through.sequence === place.sequence) &&
        through.objects === place.objects &&
        through.entries === place.entries &&
        place.chain.equals(chain);
      if (!isRight) {
        this.#add(
          'digest_totals_wrong',
          `the digest ${file.key} counts ${through.objects} objects and ${through.entries} entries through sequence ${through.sequence}; ` +
            `listed were ${place.objects} and ${place.entries} through ${place.sequence ?? 'none'}`,
          file.key,
        );
      }
    }
    const isEmpty = through.objects === 0;
    this.#place = {
      sequence: isEmpty ? undefined : through.sequence,
      objects: through.objects,
      entries: through.entries,
      chain,
    };
  }

  #add(code: FindingCode, what: string, object: string): void {
    const { organization, findings } = this.#options;
    const message = `In the archive of ${organization}, ${what}.`;
    findings.add({ code, organization, object, message });
  }
}
