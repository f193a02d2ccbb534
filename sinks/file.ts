import { createArchiveSink, type RollOptions } from '../src/archive/archive-sink.ts';
import { createFileObjectStore } from '../src/archive/file-object-store.ts';
import type { Sink } from './sink.ts';

export interface FileSinkOptions {
  readonly name: string;
  /** Made when missing, for this user only. The same archive as in a bucket, in a directory. */
  readonly directory: string;
  readonly roll?: RollOptions | undefined;
}

/** The archive in a directory. */
export function createFileSink(options: FileSinkOptions): Sink {
  return createArchiveSink({
    name: options.name,
    type: 'file',
    objectStore: createFileObjectStore({ directory: options.directory }),
    roll: options.roll,
  });
}
