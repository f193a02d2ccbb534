/** The strict object store as a process of its own; prints its URL and ends with its standard input. */
import { startStrictObjectStore } from '../helpers/strict-object-store.ts';

const store = await startStrictObjectStore();
process.stdout.write(`${store.url}\n`);
process.stdin.resume().on('end', () => process.exit());
