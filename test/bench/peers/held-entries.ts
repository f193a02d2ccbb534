/** Reads back what a peer holds. */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { Client } from 'pg';
import type { HeldEntry } from './peer.ts';

/** Every line of every file under a folder whose name matches, gunzipped where it ends so. */
export async function* linesUnder(folder: string, names: RegExp): AsyncGenerator<string> {
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => names.test(name)).toSorted())
    yield* linesOf(path.join(folder, file));
}

export async function* linesOf(file: string): AsyncGenerator<string> {
  const bytes = createReadStream(file);
  const input = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line !== '') yield line;
  }
}

/** Lines that are the entries themselves. */
export async function* entryLines(lines: AsyncIterable<string>): AsyncGenerator<HeldEntry> {
  for await (const text of lines) yield { id: idOf(JSON.parse(text) as unknown), text };
}

export async function* entryRows(databaseUrl: string | undefined, table: string): AsyncGenerator<HeldEntry> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: found } = await client.query<{ found: string | null }>(
      'SELECT to_regclass($1)::text AS found',
      [table],
    );
    if (found[0]?.found === null) return;
    const { rows } = await client.query<{ id: string }>(`SELECT id FROM ${table}`);
    yield* rows;
  } finally {
    await client.end();
  }
}

export function idOf(entry: unknown): string {
  const { id } = entry as { readonly id?: unknown };
  return typeof id === 'string' ? id : '';
}
