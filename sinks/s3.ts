import { createArchiveSink, type RollOptions } from '../src/archive/archive-sink.ts';
import { createS3ObjectStore } from '../src/archive/s3-object-store.ts';
import type { S3ObjectStoreOptions } from '../src/archive/s3-options.ts';
import type { Sink } from './sink.ts';

/** Credentials come from the AWS SDK's own chain. */
export interface S3SinkOptions extends S3ObjectStoreOptions {
  readonly name: string;
  readonly roll?: RollOptions | undefined;
}

/** The archive in a bucket of S3 or of a store that speaks its protocol. */
export function createS3Sink(options: S3SinkOptions): Sink {
  const { name, roll, ...storeOptions } = options;
  return createArchiveSink({ name, type: 's3', objectStore: createS3ObjectStore(storeOptions), roll });
}
