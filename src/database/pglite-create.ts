/**
 * A process of its own that makes a new data directory and ends. Making one takes several hundred megabytes that a process
 * never gives back; opening one that exists takes less than half of them.
 */
import { openEngine } from './pglite-engine.ts';

const directory = process.argv[2];
if (directory === undefined) throw new Error('The directory to make is missing');
const engine = await openEngine(directory);
await engine.close();
// The runtime of PGlite keeps handles open that would hold the process.
process.exit(0);
