import { open } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import { UsageError } from '../src/errors.ts';

const fileBytesMax = 1024 * 1024;
const aliasesMax = 100;

/** Reads a YAML file of at most 1 MiB into plain values. Rejects with a UsageError that names file, line and column. */
export async function readYamlFile(path: string): Promise<unknown> {
  return parseYaml(await readText(path), path);
}

/** Reads YAML 1.2; double keys, several documents and unknown tags are errors, aliases are bounded. */
export function parseYaml(text: string, path: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    merge: false,
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
    logLevel: 'error',
  });
  const complaints = [...document.errors, ...document.warnings].map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return `  line ${line}, column ${col}: ${withoutContent(error.message)}`;
  });
  if (complaints.length > 0) {
    throw new UsageError([`${path} is not YAML that can be read:`, ...complaints].join('\n'), {
      code: 'config_unreadable',
    });
  }
  try {
    return document.toJS({ maxAliasCount: aliasesMax }) as unknown;
  } catch (error) {
    throw new UsageError(`${path} uses YAML aliases in a way that is not allowed: ${reason(error)}.`, {
      code: 'config_unreadable',
      cause: error,
    });
  }
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > fileBytesMax) throw new Error(`it is larger than ${fileBytesMax} bytes`);
      return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UsageError(`The configuration file ${path} can't be read: ${reason(error)}.`, {
      code: 'config_unreadable',
      cause: error,
    });
  }
}

/** The parser quotes what it stumbled over after a colon or in quotes; that may be a secret. */
function withoutContent(message: string): string {
  return message.replace(/:\s+["'`].*$/s, '').replaceAll(/"[^"]{12,}"/g, '"…"');
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8 text';
  return error instanceof Error ? error.message : String(error);
}
