/**
 * Archives for tests of proofs: written by the archive sink and sealed with the digest module, as the exporter does it,
 * then changed behind its back by one operation after the other.
 */
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  encodeDigest,
  parseDigest,
  payloadSha256,
  type DigestObject,
  type DigestPayload,
} from '../../src/archive/digest/digest-payload.ts';
import { parseEnvelope, sealDigest } from '../../src/archive/digest/envelope.ts';
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
  readonly firstSequence?: number;
  /** `undefined` where two entries share an id. */
  readonly idOf?: (sequence: number) => string;
  readonly perHour?: number;
}

/** Writes an archive step by step; what it wrote last is what the next step follows. */
export class Scenario {
  readonly place: ArchivePlace;
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
  #previous: DigestPayload['previous'] = null;
  /** The clock of the database. */
  now: bigint = scenarioStart + hour;

  constructor(place: ArchivePlace, options: ScenarioOptions = {}) {
    this.place = place;
    this.#options = options;
    this.organization = options.organization ?? 'acme';
    this.key = 'key' in options ? options.key : scenarioKeys.first;
    this.#sequence = options.firstSequence ?? 1;
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
export async function ordinaryArchive(place: ArchivePlace, options: ScenarioOptions = {}): Promise<Scenario> {
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

/** Ways past the exporter into what it wrote. */
export class Tampering {
  readonly place: ArchivePlace;
  readonly organization: string;

  constructor(place: ArchivePlace, organization: string = 'acme') {
    this.place = place;
    this.organization = organization;
  }

  async bytes(key: string): Promise<Buffer> {
    const found = (await this.place.objects()).get(key);
    if (found === undefined) throw new Error(`the scenario has no object ${key}`);
    return found;
  }

  /** The key of the object that begins with a sequence. */
  async keyOf(firstSequence: number): Promise<string> {
    const name = `${firstSequence.toString().padStart(12, '0')}.jsonl.gz`;
    const keys = [...(await this.place.objects()).keys()];
    const key = keys.find(
      (candidate) => candidate.startsWith(`organization=${this.organization}/`) && candidate.endsWith(name),
    );
    if (key === undefined) throw new Error(`the scenario has no object from ${firstSequence}`);
    return key;
  }

  async replace(key: string, change: (bytes: Buffer) => Buffer): Promise<void> {
    await this.place.plant(key, change(await this.bytes(key)));
  }

  /** Changes the lines of an object and packs it again. */
  async lines(firstSequence: number, change: (lines: string[]) => string[]): Promise<void> {
    await this.replace(await this.keyOf(firstSequence), (bytes) => {
      const lines = gunzipSync(bytes).toString().slice(0, -1).split('\n');
      return gzipSync(`${change(lines).join('\n')}\n`);
    });
  }

  async move(from: string, to: string): Promise<void> {
    const bytes = await this.bytes(from);
    await this.place.remove(from);
    await this.place.plant(to, bytes);
  }

  async swap(one: string, other: string): Promise<void> {
    const [first, second] = [await this.bytes(one), await this.bytes(other)];
    await this.place.plant(one, second);
    await this.place.plant(other, first);
  }

  digestKey(number: number): string {
    return digestKey(this.organization, number);
  }

  async payload(number: number): Promise<DigestPayload> {
    return parseDigest(parseEnvelope(await this.bytes(this.digestKey(number))).payload);
  }

  /** Changes what a digest says and signs it again with a key, or leaves it unsigned. */
  async reseal(
    number: number,
    key: SigningKey | undefined,
    change: (payload: DigestPayload) => DigestPayload = (payload) => payload,
  ): Promise<void> {
    const payload = change(await this.payload(number));
    await this.place.plant(this.digestKey(number), sealDigest(encodeDigest(payload), key));
  }

  /** Changes what a digest says and leaves the signature as it was. */
  async editDigest(number: number, change: (payload: DigestPayload) => DigestPayload): Promise<void> {
    const payload = encodeDigest(change(await this.payload(number))).toString('base64');
    await this.replace(this.digestKey(number), (bytes) => {
      const envelope = JSON.parse(bytes.toString()) as object;
      return Buffer.from(`${JSON.stringify({ ...envelope, payload })}\n`);
    });
  }
}
