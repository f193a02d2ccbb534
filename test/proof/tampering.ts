import { gunzipSync, gzipSync } from 'node:zlib';
import { encodeDigest, parseDigest, type DigestPayload } from '../../src/archive/digest/digest-payload.ts';
import { parseEnvelope, sealDigest } from '../../src/archive/digest/envelope.ts';
import type { SigningKey } from '../../src/archive/digest/signing-key.ts';
import { digestKey } from '../../src/archive/layout.ts';
import type { ArchivePlace } from '../helpers/archive-places.ts';

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
