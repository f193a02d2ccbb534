import { readFile, stat } from 'node:fs/promises';
import { inspect } from 'node:util';
import { UsageError } from '../src/errors.ts';

const hidden = '[hidden]';
/** Keys and URLs are short; anything longer is the wrong file. */
const fileBytesMax = 64 * 1024;

/** A value that can be used but not printed: every way of turning it into text says `[hidden]`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    Object.defineProperty(this, inspect.custom, { value: () => hidden });
  }

  /** The value itself; call it where it is handed to the library that needs it, nowhere else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }
}

/** A secret that may change while the program runs. */
export interface SecretSource {
  /** The secret as it is now. Rejects with a UsageError when its file can't be read or holds no usable text. */
  read(): Promise<Secret>;
}

/** A secret that was given as a value and stays the same. */
export function fixedSecret(value: string): SecretSource {
  const secret = new Secret(value);
  return { read: () => Promise.resolve(secret) };
}

/** A secret in a file that is read again whenever the file has changed, as orchestrators rotate them. */
export function secretFromFile(path: string): SecretSource {
  let known: { readonly version: string; readonly secret: Secret } | undefined;
  return {
    async read() {
      const version = await versionOf(path);
      if (known === undefined || known.version !== version) {
        known = { version, secret: new Secret(await readSecretFile(path)) };
      }
      return known.secret;
    },
  };
}

/** The text of a secret file without the line break at its end. */
export async function readSecretFile(path: string): Promise<string> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > fileBytesMax) throw new Error(`it is larger than ${fileBytesMax} bytes`);
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`The file ${path} can't be read: ${reason(error)}.`, {
      code: 'secret_unreadable',
      cause: error,
    });
  }
  const value = text.replace(/\r?\n$/, '');
  if (value.trim() === '') {
    throw new UsageError(`The file ${path} is empty.`, { code: 'secret_unreadable' });
  }
  return value;
}

async function versionOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${ino}:${mtimeMs}:${size}`;
  } catch (error) {
    throw new UsageError(`The file ${path} can't be read: ${reason(error)}.`, {
      code: 'secret_unreadable',
      cause: error,
    });
  }
}

/** A file system error as a reader understands it, without the path that the sentence names already. */
function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  if (code === 'EISDIR') return 'it is a directory';
  return error instanceof Error ? error.message : String(error);
}
