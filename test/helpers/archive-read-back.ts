/** Reads an archive as a user's tools would: by name and with gunzip, without the program's own code. */
import { gunzipSync } from 'node:zlib';

export interface ArchivedLine {
  readonly sequence: number;
  readonly raw: string;
}

/** The lines of an organization's entries objects, given as key and bytes, in the order of their sequences. */
export function archivedLines(
  objects: Iterable<readonly [key: string, bytes: Buffer]>,
  organization: string,
): ArchivedLine[] {
  const name = new RegExp(`organization=${organization}/entries/date=[0-9-]{10}/([0-9]{12})\\.jsonl\\.gz$`);
  const lines: ArchivedLine[] = [];
  for (const [key, bytes] of objects) {
    const [, first] = name.exec(key) ?? [];
    if (first === undefined) continue;
    const text = gunzipSync(bytes).toString('utf8');
    if (!text.endsWith('\n')) throw new Error(`${key} does not end with a line break`);
    const raws = text.slice(0, -1).split('\n');
    for (const [index, raw] of raws.entries()) lines.push({ sequence: Number(first) + index, raw });
  }
  return lines.toSorted((one, other) => one.sequence - other.sequence);
}
