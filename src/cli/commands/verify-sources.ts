/** Where the archives lie that `verify` is to read: what the command line names, or every archive sink of the configuration. */
import { stat } from 'node:fs/promises';
import type { FileSinkConfig, S3SinkConfig, SinkConfig } from '../../../config/config.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import { createFileObjectStore } from '../../archive/file-object-store.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import { normalPrefix, type S3ObjectStoreOptions } from '../../archive/s3-options.ts';
import { UsageError } from '../../errors.ts';
import type { LockExpectation } from '../../proof/verify/kept-objects.ts';
import type { CommandInput } from '../command.ts';

export interface VerifySource {
  readonly store: ObjectStore;
  readonly hasVersions: boolean;
  /** The sink of the configuration that writes there, if there is one. */
  readonly sink: ArchiveSinkConfig | undefined;
  readonly lock: LockExpectation | undefined;
}

export type ArchiveSinkConfig = S3SinkConfig | FileSinkConfig;

/** Opens nothing and makes nothing: only looks whether a directory is there. */
export async function verifySources(loaded: LoadedConfig, input: CommandInput): Promise<VerifySource[]> {
  const place = input.argument('place');
  const sinks = loaded.config.sinks.filter(isArchive);
  if (place !== undefined) return [await sourceAt(place, sinks, input)];
  if (sinks.length === 0) {
    throw new UsageError(
      'There is nothing to verify: the configuration has no s3 or file sink. Name a directory or s3://bucket/prefix.',
      { code: 'archive_unnamed' },
    );
  }
  return await Promise.all(sinks.map(async (sink) => await sourceOf(sink, {}, input)));
}

async function sourceAt(
  place: string,
  sinks: readonly ArchiveSinkConfig[],
  input: CommandInput,
): Promise<VerifySource> {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(place)) {
    const store = createFileObjectStore({ directory: place });
    const sink = sinks.find(
      (one): one is FileSinkConfig => one.type === 'file' && fingerprint(one) === store.fingerprint,
    );
    return await directorySource(place, sink);
  }
  const parsed = /^s3:\/\/([^/\s]+)(?:\/(.*))?$/.exec(place);
  if (parsed === null) {
    throw new UsageError(`"${place}" is neither a directory nor s3://bucket/prefix.`, {
      code: 'option_invalid',
    });
  }
  const [, bucket = '', rest = ''] = parsed;
  const prefix = normalPrefix(rest);
  const sink = sinks.find(
    (one): one is S3SinkConfig =>
      one.type === 's3' && one.bucket === bucket && normalPrefix(one.prefix) === prefix,
  );
  return await sourceOf(sink ?? { type: 's3', bucket, prefix }, s3Flags(input), input);
}

function fingerprint({ directory }: FileSinkConfig): string {
  return createFileObjectStore({ directory }).fingerprint;
}

type S3Place = S3SinkConfig | { readonly type: 's3'; readonly bucket: string; readonly prefix: string };

async function sourceOf(
  sink: FileSinkConfig | S3Place,
  flags: Partial<S3ObjectStoreOptions>,
  input: CommandInput,
): Promise<VerifySource> {
  if (sink.type === 'file') return await directorySource(sink.directory, sink);
  // The AWS SDK is large; who has no bucket does not load it.
  const { createS3ObjectStore } = await import('../../archive/s3-object-store.ts');
  const configured = 'name' in sink ? sink : undefined;
  return {
    store: createS3ObjectStore({ ...sink, ...flags }),
    hasVersions: true,
    sink: configured,
    lock: lockExpectation(configured, input),
  };
}

async function directorySource(directory: string, sink: FileSinkConfig | undefined): Promise<VerifySource> {
  const found = await stat(directory).catch((error: unknown) => {
    throw new SinkError(
      `The directory ${directory} can't be read. Name the directory that holds organization=….`,
      {
        code: 'archive_unreachable',
        retryable: false,
        cause: error,
      },
    );
  });
  if (!found.isDirectory()) {
    throw new SinkError(`${directory} is not a directory. Name the directory that holds organization=….`, {
      code: 'archive_unreachable',
      retryable: false,
    });
  }
  const store = createFileObjectStore({ directory });
  return { store, hasVersions: false, sink, lock: undefined };
}

function s3Flags(input: CommandInput): Partial<S3ObjectStoreOptions> {
  const [region, endpoint] = [input.text('region'), input.text('endpoint')];
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(input.isSet('path-style') ? { forcePathStyle: true } : {}),
  };
}

/** What the sink sets on every object, or any Object Lock with `--object-lock`. */
function lockExpectation(sink: S3SinkConfig | undefined, input: CommandInput): LockExpectation | undefined {
  const lock = sink?.objectLock;
  const hasRetention = lock !== undefined || input.isSet('object-lock');
  const hasLegalHold = sink?.legalHold ?? false;
  if (!hasRetention && !hasLegalHold) return undefined;
  return { mode: lock?.mode, retentionMs: lock?.retentionMs, hasLegalHold, hasRetention };
}

function isArchive(sink: SinkConfig): sink is ArchiveSinkConfig {
  return sink.type === 's3' || sink.type === 'file';
}
