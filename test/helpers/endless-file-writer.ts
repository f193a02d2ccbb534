/** A process that writes large objects into a directory until it is killed: `node endless-file-writer.js DIRECTORY`. */
import { createHash } from 'node:crypto';
import { createFileObjectStore } from '../../src/archive/file-object-store.ts';
import { endlessKey, endlessObject } from './endless-objects.ts';

const [, , directory = ''] = process.argv;
const { signal } = new AbortController();
const store = createFileObjectStore({ directory });
await store.open({ signal });
for (let number = 1; ; number += 1) {
  const bytes = endlessObject(number);
  const sha256 = createHash('sha256').update(bytes).digest();
  await store.putIfAbsent(endlessKey(number), bytes, { sha256, contentType: 'text/plain', signal });
  process.stdout.write(`${number}\n`);
}
