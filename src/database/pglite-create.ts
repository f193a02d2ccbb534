/**
 * A process of its own that makes a new data directory and ends. Making one takes several hundred megabytes that a process
 * never gives back; opening one that exists takes less.
 */
import { openAsBlob } from 'node:fs';
import { openEngine } from './pglite-engine.ts';
import { findTemplate } from './pglite-template.ts';

const directory = process.argv[2];
if (directory === undefined) throw new Error('The directory to make is missing');
// Whoever wanted it holds the other end, and may be killed.
process.stdin.on('end', () => process.exit(1)).resume();
const engine = await openEngine(directory, await openAsBlob(await findTemplate()));
await engine.close();
// The runtime of PGlite keeps handles open that would hold the process.
process.exit(0);
