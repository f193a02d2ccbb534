import { DigestFormatError } from './digest-error.ts';
import { isRecord } from './json.ts';

const sha256Hex = /^[0-9a-f]{64}$/;
const utcTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.(?:\d{6}|\d{9})Z$/;

/** The members of a JSON object, each read as the type it must have. */
export class JsonMembers {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (!isRecord(value)) {
      throw new DigestFormatError(`${path === '' ? 'It' : `Its ${path}`} is not a JSON object.`);
    }
    this.#members = value;
    this.#path = path;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#members, name);
  }

  text(name: string): string {
    const value = this.#members[name];
    return typeof value === 'string' ? value : this.#refuse(name, 'is not text');
  }

  textOrNull(name: string): string | null {
    return this.#members[name] === null ? null : this.text(name);
  }

  /** A whole number, zero or above, that is exact. */
  number(name: string): number {
    const value = this.#members[name];
    const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    return isCount ? value : this.#refuse(name, 'is not a whole number');
  }

  numberOrNull(name: string): number | null {
    return this.#members[name] === null ? null : this.number(name);
  }

  sha256(name: string): string {
    const value = this.text(name);
    return sha256Hex.test(value) ? value : this.#refuse(name, 'is not a SHA-256 in lower-case hex');
  }

  time(name: string): string {
    const value = this.text(name);
    return utcTime.test(value)
      ? value
      : this.#refuse(name, 'is not a UTC time with six or nine fraction digits');
  }

  record(name: string): Readonly<Record<string, unknown>> {
    const value = this.#members[name];
    return isRecord(value) ? value : this.#refuse(name, 'is not a JSON object');
  }

  members(name: string): JsonMembers {
    return new JsonMembers(this.#members[name], this.#path === '' ? name : `${this.#path}.${name}`);
  }

  membersOrNull(name: string): JsonMembers | undefined {
    return this.#members[name] === null ? undefined : this.members(name);
  }

  list(name: string): JsonMembers[] {
    const value = this.#members[name];
    if (!Array.isArray(value)) return this.#refuse(name, 'is not a list');
    return value.map((item: unknown, index) => new JsonMembers(item, `${name}[${index}]`));
  }

  #refuse(name: string, what: string): never {
    throw new DigestFormatError(`Its ${this.#path === '' ? '' : `${this.#path}.`}${name} ${what}.`);
  }
}
