import type { Config } from '../../../config/config.ts';
import type { KeyRotation } from '../../delivery/digest-delivery.ts';
import type { Sink } from '../../../sinks/sink.ts';
import { UsageError } from '../../errors.ts';
import { buildSink } from '../../exporter/build-sinks.ts';
import { rotateArchiveKey } from '../../exporter/rotate-key.ts';
import { signingKeyOf } from '../../exporter/signing-key.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printListing } from '../output.ts';
import { confirm } from '../prompt.ts';
import { publicKeyIn } from './key-file.ts';
import { namedDeliveries, withStore, type NamedDelivery, type StoreAccess } from './store-access.ts';

interface Rotated {
  readonly organization: string;
  readonly sink: string;
  readonly isChanged: boolean;
}

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const rotation = await rotationOf(input);
  const only = { organization: input.text('organization'), sink: input.text('sink') };
  await withStore(context, { command: 'key rotate', looksOnly: false }, async (store) => {
    const signingKey = signingKeyOf(store.loaded.config);
    const found = await namedDeliveries(store.ledger, only);
    const archives = found.filter(({ delivery }) => isArchive(store.loaded.config, delivery.sink));
    const live = archives.filter(({ delivery }) => delivery.retiredAt === undefined);
    if (live.length === 0) throw nothingToRotate();
    if (rotation.kind === 'accept') await confirmAcceptance(context, live, signingKey?.publicKey.keyId);
    const rotated: Rotated[] = [];
    await withSinks(context, { store, live }, async (sinks) => {
      for (const { organization, delivery } of live) {
        const sink = sinks.get(delivery.sink);
        if (sink === undefined) continue;
        const work = { signingKey, rotation, logger: store.logger, signal: context.signal };
        const isChanged = await rotateArchiveKey(store.ledger, { organization, delivery, sink }, work);
        rotated.push({ organization: organization.name, sink: sink.name, isChanged });
      }
    });
    await report(context, rotated, rotation);
  });
  return exitCodes.done;
}

async function rotationOf(input: CommandInput): Promise<KeyRotation> {
  const file = input.text('to');
  const isAccepting = input.isSet('accept');
  if ((file === undefined) !== isAccepting) {
    throw new UsageError(
      'Give either --to FILE, with the key in force still configured, or --accept, when that key is lost.',
    );
  }
  return file === undefined ? { kind: 'accept' } : { kind: 'to', nextKey: await publicKeyIn(file) };
}

function isArchive(config: Config, name: string): boolean {
  return config.sinks.some((sink) => sink.name === name && (sink.type === 's3' || sink.type === 'file'));
}

async function confirmAcceptance(
  context: CliContext,
  archives: readonly NamedDelivery[],
  keyId: string | undefined,
): Promise<void> {
  const names = archives.map(({ organization, delivery }) => `${delivery.sink} of ${organization.name}`);
  const key = keyId === undefined ? 'without a key' : `with the key ${keyId}`;
  await confirm(
    context,
    `Go on ${key} in ${names.join(', ')}? Nothing of the key before proves it; verifying will tell.`,
  );
}

async function withSinks(
  context: CliContext,
  places: { readonly store: StoreAccess; readonly live: readonly NamedDelivery[] },
  body: (sinks: ReadonlyMap<string, Sink>) => Promise<void>,
): Promise<void> {
  const { store, live } = places;
  const sinks = new Map<string, Sink>();
  try {
    for (const config of store.loaded.config.sinks) {
      if (!live.some(({ delivery }) => delivery.sink === config.name)) continue;
      sinks.set(
        config.name,
        await buildSink(config, { storeDatabase: store.database, stdout: context.stdout }),
      );
    }
    await body(sinks);
  } finally {
    for (const sink of sinks.values()) await sink.close();
  }
}

async function report(
  context: CliContext,
  rotated: readonly Rotated[],
  rotation: KeyRotation,
): Promise<void> {
  await printListing(context, {
    rows: rotated,
    columns: [
      { title: 'organization', text: ({ organization }) => organization },
      { title: 'sink', text: ({ sink }) => sink },
      { title: 'key', text: ({ isChanged }) => (isChanged ? 'changed' : 'as it was') },
    ],
    json: {
      archives: rotated.map(({ organization, sink, isChanged }) => ({
        organization,
        sink,
        changed: isChanged,
      })),
    },
    empty: 'There is no archive.',
  });
  if (rotation.kind === 'accept') return;
  note(
    context,
    `The key ${rotation.nextKey.keyId} is announced. Set signing.keyFile to it now: the old key signs nothing more there.`,
  );
}

function nothingToRotate(): UsageError {
  return new UsageError(
    'There is no archive in the store whose sink is in the configuration, so no key to change: set signing.keyFile and go on.',
    { code: 'archive_unknown' },
  );
}
