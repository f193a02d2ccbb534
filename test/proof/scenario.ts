/**
 * Archives for tests of proofs: written by the archive sink and sealed with the digest module, as the exporter does it.
 * `tampering.ts` changes them behind its back.
 */
import { createHash } from 'node:crypto';
import {
  encodeDigest,
  payloadSha256,
  type DigestObject,
  type DigestPayload,
} from '../../src/archive/digest/digest-payload.ts';
import { sealDigest } from '../../src/archive/digest/envelope.ts';
import { merkleRoot } from '../../src/archive/digest/merkle.ts';
import { chainAfter, chainStart } from '../../src/archive/digest/object-chain.ts';
import {
  generateSigningKey,
  parseSigningKey,
  type SigningKey,
} from '../../src/archive/digest/signing-key.ts';
import { createArchiveSink } from '../../src/archive/archive-sink.ts';
import { digestKey } from '../../src/archive/layout.ts';
import { formatTimestamp, nanos } from '../../src/time.ts';
import type { SinkEntry } from '../../sinks/sink.ts';
import type { ArchivePlace } from '../helpers/archive-places.ts';
import { sinkEntry } from '../helpers/sink-entries.ts';

/** Keys are made once: the same in every test, so that they can be told apart by name. */
export const scenarioKeys: Readonly<Record<'first' | 'second' | 'stranger', SigningKey>> = {
  first: parseSigningKey(generateSigningKey()),
  second: parseSigningKey(generateSigningKey()),
  stranger: parseSigningKey(generateSigningKey()),
};

export const scenarioLedger = 'ledger-of-the-scenario';
export const scenarioStart: bigint = 1_772_323_200_000_000_000n; // 2026-03-01T00:00:00Z
const hour = 3_600_000_000_000n;
const { signal } = new AbortController();

export interface ScenarioOptions {
  readonly organization?: string;
  readonly organizationId?: string | undefined;
  readonly ledgerId?: string;
  readonly sink?: string;
  /** Undefined: the digests are not signed. */
  readonly key?: SigningKey | undefined;
  /** Whether digests say from which number on they are signed, as those of the first programs did not. Default: they do. */
  readonly saysSigned?: boolean;
  readonly firstSequence?: number;
  /** `undefined` where two entries share an id. */
  readonly idOf?: (sequence: number) => string;
  readonly perHour?: number;
}

/** What a scenario needs of the place that it writes to. */
export type ScenarioPlace = Pick<ArchivePlace, 'store' | 'plant'>;

/** Writes an archive step by step; what it wrote last is what the next step follows. */
export class Scenario {
  readonly place: ScenarioPlace;
  /** Its present name; assign another to rename it. */
  organization: string;
  readonly #options: ScenarioOptions;
  key: SigningKey | undefined;
  readonly #pending: DigestObject[] = [];
  #chain: Buffer;
  #objects = 0;
  #entries = 0;
  #sequence: number;
  #listed = 0;
  #number = 0;
  #lastUnsigned = 0;
  #previous: DigestPayload['previous'] = null;
  /** As in the options; may be changed in between, as by an update of the program. */
  saysSigned: boolean;
  /** The clock of the database. */
  now: bigint = scenarioStart + hour;

  constructor(place: ScenarioPlace, options: ScenarioOptions = {}) {
    this.place = place;
    this.#options = options;
    this.organization = options.organization ?? 'acme';
    this.key = 'key' in options ? options.key : scenarioKeys.first;
    this.#sequence = options.firstSequence ?? 1;
    this.saysSigned = options.saysSigned ?? true;
    this.#chain = chainStart({
      ledgerId: options.ledgerId ?? scenarioLedger,
      organizationId: this.#id,
      sink: options.sink ?? 'archive',
    });
  }

  get #id(): string | null {
    return ('organizationId' in this.#options ? this.#options.organizationId : 'id-of-acme') ?? null;
  }

  /** One object of so many entries, on the day of the clock. */
  async object(count: number, entryOf?: (sequence: number) => SinkEntry): Promise<string> {
    const entries = Array.from({ length: count }, () => {
      const sequence = this.#sequence;
      this.#sequence += 1;
      return entryOf?.(sequence) ?? this.entry(sequence);
    });
    const sink = createArchiveSink({ name: 'archive', type: 'test', objectStore: this.place.store() });
    await sink.open({ signal });
    const { organization } = this;
    await sink.attach(
      {
        organization,
        organizationId: this.#id ?? undefined,
        ledgerId: this.#options.ledgerId ?? scenarioLedger,
        last: undefined,
        isKnownObject: () => true,
      },
      { signal },
    );
    const receipt = await sink.write({ organization, entries }, { signal });
    await sink.close();
    if (receipt === undefined) throw new TypeError('the archive gave no receipt');
    this.#list(entries, receipt);
    return receipt.key;
  }

  entry(sequence: number): SinkEntry {
    const createdAt = this.now + BigInt(sequence) * 1_000n;
    const id = this.#options.idOf?.(sequence) ?? `entry-${this.organization}-${sequence}`;
    const raw = JSON.stringify({
      id,
      action: 'AUDIT_LOG_ACTION_CREATE_SQL_USER',
      user_email: 'someone@example.com',
      payload: { name: `user_${sequence}` },
      created_at: formatTimestamp(nanos(createdAt)),
    });
    return sinkEntry({ sequence, id, createdAt, raw });
  }

  /** Leaves out sequences, as a broken exporter would. */
  skip(count: number): void {
    this.#sequence += count;
  }

  /** Seals what was written since the last digest. Returns the SHA-256 of its payload. */
  async digest(change: Partial<DigestPayload> = {}): Promise<string> {
    this.now += hour;
    this.#number += 1;
    if (this.key === undefined) this.#lastUnsigned = this.#number;
    const payload: DigestPayload = {
      formatVersion: 1,
      organization: { name: this.organization, id: this.#id },
      ledgerId: this.#options.ledgerId ?? scenarioLedger,
      sink: this.#options.sink ?? 'archive',
      number: this.#number,
      previous: this.#previous,
      createdAt: formatTimestamp(nanos(this.now)),
      reason: 'hourly',
      through: {
        sequence: this.#listed,
        objects: this.#objects,
        entries: this.#entries,
        chainSha256: this.#chain.toString('hex'),
      },
      objects: this.#pending.splice(0),
      journal: [],
      changes: [],
      nextKey: null,
      ...(this.saysSigned ? { signedFrom: this.key === undefined ? null : this.#lastUnsigned + 1 } : {}),
      ...change,
    };
    const bytes = encodeDigest(payload);
    const sha256 = payloadSha256(bytes);
    await this.place.plant(digestKey(this.organization, this.#number), sealDigest(bytes, this.key));
    this.#previous = { number: this.#number, sha256 };
    return sha256;
  }

  /** A digest of the present key that names the next one, which signs from now on. */
  async rotate(next: SigningKey): Promise<void> {
    const { keyId, pem } = next.publicKey;
    await this.digest({ reason: 'rotation', nextKey: { keyId, publicKey: pem } });
    this.key = next;
  }

  nextDay(): void {
    this.now += 24n * hour;
  }

  #list(
    entries: readonly SinkEntry[],
    receipt: { readonly key: string; readonly storedSha256: Buffer; readonly storedBytes: number },
  ): void {
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) throw new TypeError('an object needs an entry');
    const content = createHash('sha256');
    for (const { raw } of entries) content.update(raw).update('\n');
    const contentSha256 = content.digest();
    const root = merkleRoot(entries.map(({ sha256 }) => sha256));
    const range = { firstSequence: first.sequence, lastSequence: last.sequence };
    const hashes = { contentSha256, storedSha256: receipt.storedSha256, merkleRoot: root };
    this.#chain = chainAfter(this.#chain, { ...hashes, ...range });
    this.#objects += 1;
    this.#entries += entries.length;
    this.#listed = last.sequence;
    this.#pending.push({
      key: receipt.key,
      ...range,
      entries: entries.length,
      rawBytes: entries.reduce((sum, { raw }) => sum + raw.length, 0),
      firstCreatedAt: formatTimestamp(nanos(first.createdAt)),
      lastCreatedAt: formatTimestamp(nanos(last.createdAt)),
      firstId: first.id,
      lastId: last.id,
      contentSha256: contentSha256.toString('hex'),
      storedSha256: receipt.storedSha256.toString('hex'),
      storedBytes: receipt.storedBytes,
      merkleRoot: root.toString('hex'),
      chainSha256: this.#chain.toString('hex'),
    });
  }
}

/** The archive that most tests change: three days, six objects of ten entries, a digest for each object. */
export async function ordinaryArchive(
  place: ScenarioPlace,
  options: ScenarioOptions = {},
): Promise<Scenario> {
  const scenario = new Scenario(place, options);
  for (let day = 0; day < 3; day += 1) {
    for (let part = 0; part < 2; part += 1) {
      await scenario.object(10);
      await scenario.digest();
    }
    scenario.nextDay();
  }
  return scenario;
}
