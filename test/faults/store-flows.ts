/** Every kind of work that changes the store, each in its smallest form. */
import { createArchiveSink } from '../../src/archive/archive-sink.ts';
import { generateSigningKey, parseSigningKey } from '../../src/archive/digest/signing-key.ts';
import { createFileObjectStore } from '../../src/archive/file-object-store.ts';
import { silentDeliveryObserver } from '../../src/delivery/delivery-observer.ts';
import { startDelivery } from '../../src/delivery/delivery.ts';
import { retryParked } from '../../src/delivery/retry-parked.ts';
import { rotateArchiveKey } from '../../src/exporter/rotate-key.ts';
import { append, type AppendRequest, type PositionMove } from '../../src/ledger/append.ts';
import { forgetCoverage, moveCheckpoint } from '../../src/ledger/checkpoints.ts';
import {
  findDelivery,
  registerDelivery,
  retireDelivery,
  type Delivery,
  type DeliveryStart,
} from '../../src/ledger/deliveries.ts';
import { acquireLease, leaseLost, type Lease } from '../../src/ledger/leases.ts';
import { openLedgerForRestore, type Ledger } from '../../src/ledger/ledger.ts';
import { moveOffset } from '../../src/ledger/offsets.ts';
import { underDeliveryLease, underLease } from '../../src/ledger/operator-lease.ts';
import { registerOrganization, type Organization } from '../../src/ledger/organizations.ts';
import { pruneSegments } from '../../src/ledger/prune.ts';
import { renameOrganization } from '../../src/ledger/rename.ts';
import {
  demandCoverage,
  finishDemand,
  finishRescan,
  finishStretch,
  fixBoundary,
  leaveDemand,
  openDemands,
} from '../../src/ledger/stretches.ts';
import { silentLogger } from '../../src/logger.ts';
import { restore } from '../../src/proof/restore/restore.ts';
import { nanos, type Nanos } from '../../src/time.ts';
import { createPostgresSink, parseTableName } from '../../sinks/postgres/index.ts';
import { SinkError } from '../../sinks/sink-error.ts';
import type { Sink } from '../../sinks/sink.ts';
import { createScriptedSink } from '../helpers/scripted-sink.ts';
import { testDay, testEntries, testEntry, testSchema } from '../helpers/test-ledger.ts';
import type { Flow, FlowPlace } from './statement-sweep.ts';

const { signal } = new AbortController();
const firstKey = parseSigningKey(generateSigningKey());
const secondKey = parseSigningKey(generateSigningKey());
const archiveName = 'archive';

function hour(count: number): Nanos {
  return nanos(testDay + BigInt(count) * 3_600_000_000_000n);
}

async function acme(ledger: Ledger): Promise<Organization> {
  return await registerOrganization(ledger, {
    name: 'acme',
    cloudId: 'id-of-acme',
    label: undefined,
    startFrom: nanos(0n),
  });
}

/** Under the lease of reading, as every reader works. */
async function reading(
  place: FlowPlace,
  body: (ledger: Ledger, lease: Lease, organization: Organization) => Promise<unknown>,
): Promise<void> {
  const ledger = await place.ledger();
  const organization = await acme(ledger);
  const target = { work: 'read', organization: organization.id } as const;
  const lease = await acquireLease(ledger, target);
  if (lease === undefined) throw leaseLost(target);
  try {
    await body(ledger, lease, organization);
  } finally {
    await lease.release();
  }
}

async function fill(place: FlowPlace, first: number, count: number): Promise<void> {
  await reading(place, (ledger, lease) =>
    append(ledger, lease, { entries: testEntries(first, count), move: { kind: 'none' } }),
  );
}

function archiveSink(place: FlowPlace): Sink {
  return createArchiveSink({
    name: archiveName,
    type: 'file',
    objectStore: createFileObjectStore({ directory: place.directory }),
    roll: { entries: 3 },
  });
}

function tableSink(place: FlowPlace): Sink {
  return createPostgresSink({
    name: 'warehouse',
    table: parseTableName('audit.entries'),
    databaseFingerprint: place.database.fingerprint,
    database: async () => place.database,
    ownsDatabase: false,
  });
}

/** Takes everything but the second entry. */
function pickySink(): Sink {
  const sink = createScriptedSink({ name: 'picky' });
  sink.onWrite = async ({ entries }) => {
    const refused = entries.find(({ sequence }) => sequence === 2);
    if (refused === undefined) return undefined;
    throw new SinkError('The entry is too large.', {
      code: 'entry_refused',
      retryable: false,
      poisonSequence: refused.sequence,
    });
  };
  return sink;
}

async function addDelivery(
  place: FlowPlace,
  sink: Sink,
  from: DeliveryStart = 'beginning',
): Promise<Delivery> {
  const ledger = await place.ledger();
  const { id } = await acme(ledger);
  // A directory is another one in each run.
  const fingerprint = `place of ${sink.name}`;
  const { name, type } = sink;
  return await registerDelivery(ledger, { organization: id, sink: name, type, fingerprint, from });
}

/** Everything that is in the ledger into a sink, and its digests. */
async function deliver(place: FlowPlace, made: Sink): Promise<void> {
  const ledger = await place.ledger();
  const organization = await acme(ledger);
  const sink = { ...made, fingerprint: `place of ${made.name}` };
  await addDelivery(place, sink);
  const target = { work: 'deliver', organization: organization.id, sink: sink.name } as const;
  const lease = await acquireLease(ledger, target);
  if (lease === undefined) throw leaseLost(target);
  try {
    await sink.open({ signal });
    const delivery = await startDelivery(
      {
        ledger,
        lease: { ...lease, target },
        organization,
        sink,
        observer: silentDeliveryObserver,
        digests: { signingKey: firstKey, lookMs: 0 },
        logger: silentLogger,
        abort: signal,
      },
      signal,
    );
    await delivery.feed({ flush: true, signal });
    await delivery.writeDigests('end', signal);
  } finally {
    await lease.release();
    await sink.close();
  }
}

async function known(ledger: Ledger, sink: string): Promise<Delivery> {
  const { id } = await acme(ledger);
  const delivery = await findDelivery(ledger, id, sink);
  if (delivery === undefined) throw new TypeError(`there is no delivery to ${sink}`);
  return delivery;
}

async function underReadLease(
  place: FlowPlace,
  body: (ledger: Ledger, lease: Lease, organization: Organization) => Promise<unknown>,
): Promise<void> {
  const ledger = await place.ledger();
  const organization = await acme(ledger);
  const target = { work: 'read', organization: organization.id } as const;
  await underLease(ledger, { target, organization: 'acme' }, (lease) => body(ledger, lease, organization));
}

const tailMove: PositionMove = {
  kind: 'tail',
  checkpoint: '2026-03-01T09:00:00.123456Z',
  coveredTo: hour(9),
  serverDate: hour(9),
};

function appending(request: AppendRequest): (place: FlowPlace) => Promise<void> {
  return (place) => reading(place, (ledger, lease) => append(ledger, lease, request));
}

async function firstContact(place: FlowPlace): Promise<void> {
  await reading(place, (ledger, lease) =>
    fixBoundary(ledger, lease, { serverDate: hour(12), overlapMs: 900_000 }),
  );
}

async function withStretch(place: FlowPlace): Promise<void> {
  await firstContact(place);
  await reading(place, (ledger, lease) => demandCoverage(ledger, lease, { from: hour(1), to: hour(4) }));
}

async function filledArchive(place: FlowPlace): Promise<void> {
  await fill(place, 1, 7);
  await deliver(place, archiveSink(place));
}

/** As after the loss of the database: the archive stays, and the schema is gone. */
async function archiveWithoutStore(place: FlowPlace): Promise<void> {
  await filledArchive(place);
  await place.database.query(`DROP SCHEMA ${testSchema} CASCADE`);
}

async function restoreArchive(place: FlowPlace): Promise<void> {
  const { ledger, mark } = await openLedgerForRestore({
    database: place.database,
    schema: testSchema,
    migrate: true,
    leaseMs: 30_000,
    logger: silentLogger,
  });
  const result = await restore({
    ledger,
    mark,
    store: createFileObjectStore({ directory: place.directory }),
    sink: { name: archiveName, type: 'file', fingerprint: 'place of archive' },
    keys: [firstKey.publicKey],
    allowUnsigned: false,
    allowUnsignedEnd: false,
    heads: [],
    organizations: undefined,
    configured: new Map([['acme', undefined]]),
    version: '1.2.3',
    onProgress: () => undefined,
    logger: silentLogger,
    signal,
  });
  if (result.outcome !== 'restored') throw new TypeError('the archive was refused');
}

export const flows: readonly (readonly [name: string, flow: Flow])[] = [
  ['migration', { isOpening: true, run: async (place) => void (await place.ledger()) }],
  ['an organization at first sight', { run: async (place) => void (await acme(await place.ledger())) }],
  ['first contact', { run: firstContact }],
  ['an append', { run: appending({ entries: testEntries(1, 3), move: tailMove }) }],
  [
    'an append of known, drifted, changed and new entries',
    {
      prepare: (place) => fill(place, 1, 3),
      run: appending({
        entries: [
          testEntry(1),
          testEntry(2, { rest: ',"error":null' }),
          testEntry(3, { rest: ',"error":"edited"' }),
          testEntry(4),
        ],
        move: tailMove,
      }),
    },
  ],
  [
    'a checkpoint that moves within a stretch',
    {
      prepare: withStretch,
      run: appending({
        entries: testEntries(1, 2),
        move: { kind: 'stretch', from: hour(1), checkpoint: '2026-03-01T02:00:00Z' },
      }),
    },
  ],
  [
    'the end of a stretch',
    {
      prepare: withStretch,
      run: (place) =>
        reading(place, (ledger, lease) => finishStretch(ledger, lease, { from: hour(1), to: hour(4) })),
    },
  ],
  [
    'the end of a re-scan',
    {
      prepare: firstContact,
      run: (place) => reading(place, (ledger, lease) => finishRescan(ledger, lease, hour(13))),
    },
  ],
  [
    'a demand of coverage',
    {
      prepare: firstContact,
      run: (place) =>
        reading(place, (ledger, lease) => demandCoverage(ledger, lease, { from: hour(2), to: hour(3) })),
    },
  ],
  [
    'a demand of a backfill, met',
    {
      prepare: async (place) => {
        await firstContact(place);
        const ledger = await place.ledger();
        await leaveDemand(ledger, (await acme(ledger)).id, { from: hour(2), to: hour(3) });
      },
      run: (place) =>
        reading(place, async (ledger, lease, organization) => {
          for (const demand of await openDemands(ledger, organization.id))
            await finishDemand(ledger, lease, demand);
        }),
    },
  ],
  [
    'a lease, taken, renewed and given back',
    {
      prepare: (place) => fill(place, 1, 1),
      run: (place) =>
        reading(place, (ledger, lease) => append(ledger, lease, { entries: [], move: { kind: 'none' } })),
    },
  ],
  ['a sink at first sight', { run: async (place) => void (await addDelivery(place, pickySink())) }],
  [
    'deliveries to a table',
    { prepare: (place) => fill(place, 1, 5), run: (place) => deliver(place, tableSink(place)) },
  ],
  [
    'deliveries of what a table has already',
    {
      prepare: async (place) => {
        await fill(place, 1, 5);
        await deliver(place, tableSink(place));
        await place.database.query(`UPDATE ${testSchema}.deliveries SET acknowledged = 2`);
      },
      run: (place) => deliver(place, tableSink(place)),
    },
  ],
  ['objects and digests of an archive, planned, confirmed and acknowledged', { run: filledArchive }],
  [
    'an entry that is parked',
    { prepare: (place) => fill(place, 1, 3), run: (place) => deliver(place, pickySink()) },
  ],
  [
    'a parked entry, tried again',
    {
      prepare: async (place) => {
        await fill(place, 1, 3);
        await deliver(place, pickySink());
      },
      run: async (place) => {
        const ledger = await place.ledger();
        const sink = createScriptedSink({ name: 'picky', fingerprint: 'place of picky' });
        const delivery = await known(ledger, 'picky');
        await retryParked({
          ledger,
          organization: await acme(ledger),
          delivery,
          sink,
          logger: silentLogger,
          signal,
        });
      },
    },
  ],
  [
    'another signing key',
    {
      prepare: filledArchive,
      run: async (place) => {
        const ledger = await place.ledger();
        const sink = { ...archiveSink(place), fingerprint: 'place of archive' };
        const archive = {
          organization: await acme(ledger),
          delivery: await known(ledger, archiveName),
          sink,
        };
        const rotation = { kind: 'to', nextKey: secondKey.publicKey } as const;
        await rotateArchiveKey(ledger, archive, {
          signingKey: firstKey,
          rotation,
          logger: silentLogger,
          signal,
        });
      },
    },
  ],
  [
    'pruning',
    {
      prepare: async (place) => {
        await filledArchive(place);
        await fill(place, 8, 3);
        await deliver(place, archiveSink(place));
        await fill(place, 11, 1);
        await deliver(place, archiveSink(place));
        await place.database.query(
          `UPDATE ${testSchema}.segments SET appended_at = now() - interval '10 days'`,
        );
      },
      run: (place) =>
        reading(place, (ledger, lease, organization) =>
          pruneSegments(ledger, lease, { organization: organization.id, retentionMs: 24 * 3_600_000 }),
        ),
    },
  ],
  [
    'a checkpoint that an operator moves',
    {
      isJournalledAgain: true,
      prepare: async (place) => {
        await firstContact(place);
        await appending({
          entries: [],
          move: {
            kind: 'tail',
            checkpoint: '2026-03-01T14:00:00Z',
            coveredTo: hour(14),
            serverDate: hour(14),
          },
        })(place);
      },
      run: (place) =>
        underReadLease(place, (ledger, lease) =>
          moveCheckpoint(ledger, lease, { to: '2026-03-01T13:00:00Z', skip: false }),
        ),
    },
  ],
  [
    'coverage that an operator forgets',
    {
      isJournalledAgain: true,
      prepare: async (place) => {
        await withStretch(place);
        await reading(place, (ledger, lease) => finishStretch(ledger, lease, { from: hour(1), to: hour(4) }));
      },
      run: (place) => underReadLease(place, forgetCoverage),
    },
  ],
  [
    'an offset that an operator moves',
    {
      isJournalledAgain: true,
      prepare: async (place) => {
        await fill(place, 1, 5);
        await deliver(place, tableSink(place));
      },
      run: async (place) => {
        const ledger = await place.ledger();
        const delivery = await known(ledger, 'warehouse');
        await underDeliveryLease(ledger, { delivery, organization: 'acme' }, (lease) =>
          moveOffset(ledger, lease, { delivery, move: { to: 2, skip: false } }),
        );
      },
    },
  ],
  [
    'a sink that is retired',
    {
      prepare: async (place) => void (await addDelivery(place, pickySink())),
      run: async (place) => {
        const ledger = await place.ledger();
        const delivery = await known(ledger, 'picky');
        if (delivery.retiredAt !== undefined) return;
        await underDeliveryLease(ledger, { delivery, organization: 'acme' }, (lease) =>
          retireDelivery(ledger, lease, delivery),
        );
      },
    },
  ],
  [
    'an organization that is renamed',
    {
      prepare: async (place) => {
        await fill(place, 1, 3);
        await deliver(place, tableSink(place));
      },
      repeatedCode: 'organization_unknown',
      run: async (place) => await renameOrganization(await place.ledger(), 'acme', 'acme-eu'),
    },
  ],
  [
    'a restore',
    { isJournalledAgain: true, isOpening: true, prepare: archiveWithoutStore, run: restoreArchive },
  ],
];
