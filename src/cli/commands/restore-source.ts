/** What `restore` reads: a sink of the configuration by its name, a directory, or a bucket; and as which sink it goes on. */
import { stat } from 'node:fs/promises';
import type { FileSinkConfig, S3SinkConfig, SinkConfig } from '../../../config/config.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import { createFileObjectStore } from '../../archive/file-object-store.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import { normalPrefix } from '../../archive/s3-options.ts';
import { UsageError } from '../../errors.ts';
import type { CommandInput } from '../command.ts';

type ArchiveSinkConfig = S3SinkConfig | FileSinkConfig;

export interface RestoreSource {
  readonly store: ObjectStore;
  readonly sink: { readonly name: string; readonly type: string; readonly fingerprint: string };
}

export async function restoreSource(loaded: LoadedConfig, input: CommandInput): Promise<RestoreSource> {
  const sinks = loaded.config.sinks.filter(isArchive);
  const source = input.required('source');
  const named = sinks.find(({ name }) => name === source);
  const store =
    named === undefined ? await storeAt(source, { sinks, input }) : await storeOf(named, directoryOf(named));
  const goesOn = input.text('sink');
  const sink =
    goesOn === undefined
      ? (named ?? (await sinkAt(store, sinks)))
      : sinks.find(({ name }) => name === goesOn);
  if (sink === undefined) throw goesOn === undefined ? noSink(store) : unknownSink(goesOn, sinks);
  const { fingerprint } = sink === named ? store : await storeOf(sink, undefined);
  return { store, sink: { name: sink.name, type: sink.type, fingerprint } };
}

async function storeAt(
  source: string,
  { sinks, input }: { readonly sinks: readonly ArchiveSinkConfig[]; readonly input: CommandInput },
): Promise<ObjectStore> {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) {
    await requireDirectory(source);
    return createFileObjectStore({ directory: source });
  }
  const [, bucket, rest = ''] = /^s3:\/\/([^/\s]+)(?:\/(.*))?$/.exec(source) ?? [];
  if (bucket === undefined) {
    throw new UsageError(`"${source}" is neither an archive sink, nor a directory, nor s3://bucket/prefix.`, {
      code: 'option_invalid',
    });
  }
  const prefix = normalPrefix(rest);
  const sink = sinks.find(
    (one) => one.type === 's3' && one.bucket === bucket && normalPrefix(one.prefix) === prefix,
  );
  const [region, endpoint] = [input.text('region'), input.text('endpoint')];
  const { createS3ObjectStore } = await import('../../archive/s3-object-store.ts');
  return createS3ObjectStore({
    bucket,
    prefix,
    ...(sink?.type === 's3' ? sink : {}),
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(input.isSet('path-style') ? { forcePathStyle: true } : {}),
  });
}

function directoryOf(sink: ArchiveSinkConfig): string | undefined {
  return sink.type === 'file' ? sink.directory : undefined;
}

/** Building connects to nothing. A directory that is to be read must be there: it is never made. */
async function storeOf(sink: ArchiveSinkConfig, directory: string | undefined): Promise<ObjectStore> {
  if (directory !== undefined) await requireDirectory(directory);
  if (sink.type === 'file') return createFileObjectStore({ directory: sink.directory });
  // The AWS SDK is large; who has no bucket does not load it.
  const { createS3ObjectStore } = await import('../../archive/s3-object-store.ts');
  return createS3ObjectStore(sink);
}

async function requireDirectory(directory: string): Promise<void> {
  let isDirectory = false;
  try {
    isDirectory = (await stat(directory)).isDirectory();
  } catch (error) {
    throw new UsageError(
      `The directory ${directory} can't be read. Name the one that holds organization=….`,
      {
        code: 'archive_unreachable',
        cause: error,
      },
    );
  }
  if (isDirectory) return;
  throw new UsageError(`${directory} is not a directory. Name the one that holds organization=….`, {
    code: 'archive_unreachable',
  });
}

async function sinkAt(
  store: ObjectStore,
  sinks: readonly ArchiveSinkConfig[],
): Promise<ArchiveSinkConfig | undefined> {
  for (const sink of sinks) {
    const own = await storeOf(sink, undefined);
    await own.close();
    if (own.fingerprint === store.fingerprint) return sink;
  }
  return undefined;
}

function isArchive(sink: SinkConfig): sink is ArchiveSinkConfig {
  return sink.type === 's3' || sink.type === 'file';
}

function noSink(store: ObjectStore): UsageError {
  return new UsageError(
    `No sink of the configuration writes to ${store.location}, so the archive would not go on. Put its sink into the configuration, ` +
      'or, where this is a copy of the archive of a sink that is there, name that one with --sink.',
    { code: 'archive_unnamed' },
  );
}

function unknownSink(name: string, sinks: readonly ArchiveSinkConfig[]): UsageError {
  const choices = sinks.map((sink) => sink.name).join(', ') || 'none';
  return new UsageError(`--sink ${name} is not an archive sink of the configuration; it has: ${choices}.`, {
    code: 'option_invalid',
  });
}
