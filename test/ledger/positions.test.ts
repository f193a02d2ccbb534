import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append } from '../../src/ledger/append.ts';
import { forgetCoverage, moveCheckpoint, type MovedCheckpoint } from '../../src/ledger/checkpoints.ts';
import { findDelivery, registerDelivery, retireDelivery } from '../../src/ledger/deliveries.ts';
import { heldEntry } from '../../src/delivery/attach.ts';
import { moveOffset, type MovedOffset, type OffsetMove } from '../../src/ledger/offsets.ts';
import { underDeliveryLease, underLease } from '../../src/ledger/operator-lease.ts';
import { findOrganization, type Organization } from '../../src/ledger/organizations.ts';
import { renameOrganization } from '../../src/ledger/rename.ts';
import {
  demandCoverage,
  finishDemand,
  finishStretch,
  fixBoundary,
  leaveDemand,
  openDemands,
  readCoverage,
  readStretches,
} from '../../src/ledger/stretches.ts';
import { tailStart } from '../../src/reader/start-positions.ts';
import { nanos, parseTimestamp, type Nanos } from '../../src/time.ts';
import { anotherLedger, createFilledLedger, leaseOf, type FilledLedger } from '../helpers/filled-ledger.ts';
import { rejectionOf } from '../helpers/rejection.ts';

let filled: FilledLedger;

beforeEach(async () => {
  filled = await createFilledLedger();
});

afterEach(async () => {
  await filled.close();
});

function time(text: string): Nanos {
  return parseTimestamp(text) ?? nanos(0n);
}

async function organization(): Promise<Organization> {
  return (await findOrganization(filled.ledger, 'acme')) ?? filled.organization;
}

function target(): { readonly work: 'read'; readonly organization: number } {
  return { work: 'read', organization: filled.organization.id };
}

/** The tail begins on 1 March 2024 and was read up to 10 March. */
async function readTail(): Promise<void> {
  const { ledger } = filled;
  const lease = await leaseOf(ledger, target());
  await fixBoundary(ledger, lease, { serverDate: time('2024-03-01T00:00:00Z'), overlapMs: 0 });
  const to = time('2024-03-10T00:00:00Z');
  await append(ledger, lease, {
    entries: [],
    move: { kind: 'tail', checkpoint: '2024-03-10T00:00:00.000000Z', coveredTo: to, serverDate: to },
  });
  await lease.release();
}

async function move(to: string, skip = false): Promise<MovedCheckpoint> {
  return await underLease(filled.ledger, { target: target(), organization: 'acme' }, (lease) =>
    moveCheckpoint(filled.ledger, lease, { to, skip }),
  );
}

async function lastJournal(what: string): Promise<unknown> {
  const rows = (await filled.run(
    'SELECT detail FROM ledger.journal WHERE what = $1 ORDER BY at DESC LIMIT 1',
    [what],
  )) as readonly { detail: string }[];
  return JSON.parse(rows[0]?.detail ?? 'null');
}

describe('moving the checkpoint of an organization', () => {
  it('goes back, keeps the text as it was given and journals it', async () => {
    await readTail();
    await move('2024-03-05T01:02:03+01:00');
    expect((await organization()).tailCheckpoint).toBe('2024-03-05T01:02:03+01:00');
    expect(await lastJournal('checkpoint_moved')).toEqual({
      from: '2024-03-10T00:00:00.000000Z',
      to: '2024-03-05T01:02:03+01:00',
      skip: false,
    });
  });

  it('goes forward only where leaving entries out is meant, and the next sweep really starts there', async () => {
    await readTail();
    const refusal = await rejectionOf(move('2024-04-01T00:00:00Z'));
    expect(refusal).toMatchObject({ kind: 'usage', code: 'skip_needed' });
    expect((await organization()).tailCheckpoint).toBe('2024-03-10T00:00:00.000000Z');
    expect(await move('2024-04-01T00:00:00Z', true)).toMatchObject({ isForward: true });
    const moved = await organization();
    expect(tailStart(moved, moved.boundary ?? nanos(0n))).toBe(time('2024-04-01T00:00:00Z'));
  });

  it('refuses what is no time, what is not the tail’s, and the future', async () => {
    expect(await rejectionOf(move('2024-03-05'))).toMatchObject({ code: 'checkpoint_invalid' });
    expect(await rejectionOf(move('2024-03-05T00:00:00Z'))).toMatchObject({ code: 'checkpoint_missing' });
    await readTail();
    expect(await rejectionOf(move('2024-02-01T00:00:00Z'))).toMatchObject({
      code: 'checkpoint_out_of_range',
    });
    expect(await rejectionOf(move('2200-01-01T00:00:00Z', true))).toMatchObject({
      code: 'checkpoint_out_of_range',
    });
  });

  it('is refused while another process reads, and names it', async () => {
    await readTail();
    const other = await anotherLedger(filled);
    const lease = await leaseOf(other, target());
    const refusal = await rejectionOf(move('2024-03-05T00:00:00Z'));
    expect(refusal).toMatchObject({ kind: 'held', code: 'lease_held' });
    expect(refusal.message).toContain(other.actor);
    await lease.release();
    await move('2024-03-05T00:00:00Z');
  });

  it('commits nothing under a lease that was lost', async () => {
    await readTail();
    const lease = await leaseOf(filled.ledger, target());
    await filled.run('UPDATE ledger.organizations SET lease_epoch = lease_epoch + 1');
    const call = moveCheckpoint(filled.ledger, lease, { to: '2024-03-05T00:00:00Z', skip: false });
    expect(await rejectionOf(call)).toMatchObject({ code: 'lease_lost' });
    expect(await rejectionOf(forgetCoverage(filled.ledger, lease))).toMatchObject({ code: 'lease_lost' });
    expect((await organization()).tailCheckpoint).toBe('2024-03-10T00:00:00.000000Z');
    await lease.release();
  });

  it('forgets all coverage on a reset, so that everything that was demanded is demanded again', async () => {
    await readTail();
    const { ledger } = filled;
    const demand = { from: time('2024-01-01T00:00:00Z'), to: time('2024-02-01T00:00:00Z') };
    await leaveDemand(ledger, filled.organization.id, demand);
    const lease = await leaseOf(ledger, target());
    await demandCoverage(ledger, lease, demand);
    for (const stretch of await readStretches(ledger, filled.organization.id)) {
      await finishStretch(ledger, lease, stretch);
    }
    const [open] = await openDemands(ledger, filled.organization.id);
    if (open === undefined) throw new TypeError('there is no demand');
    await finishDemand(ledger, lease, open);
    expect(await demandCoverage(ledger, lease, demand)).toBe(0);
    await forgetCoverage(ledger, lease);
    expect(await readCoverage(ledger, filled.organization.id)).toEqual([]);
    expect(await openDemands(ledger, filled.organization.id)).toMatchObject([demand]);
    expect(await organization()).toMatchObject({
      boundary: undefined,
      tailCheckpoint: undefined,
      tailCoveredTo: undefined,
    });
    expect(await demandCoverage(ledger, lease, demand)).toBe(1);
    await lease.release();
    expect(await lastJournal('checkpoint_moved')).toMatchObject({ reset: true });
  });
});

async function setOffset(sink: string, to: OffsetMove['to'], skip = false): Promise<MovedOffset> {
  const { ledger } = filled;
  const delivery = await findDelivery(ledger, filled.organization.id, sink);
  if (delivery === undefined) throw new TypeError('there is no such sink');
  return await underDeliveryLease(ledger, { delivery, organization: 'acme' }, (lease) =>
    moveOffset(ledger, lease, { delivery, move: { to, skip } }),
  );
}

async function park(sequence: number): Promise<void> {
  await filled.run(
    `INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason)
     VALUES ($1, 'warehouse', $2, 'c', 'r')`,
    [filled.organization.id, sequence],
  );
}

describe('moving the offset of a sink', () => {
  beforeEach(async () => {
    await filled.fill(20);
    await filled.addDelivery('warehouse', { offset: 15 });
  });

  it('goes back and has what was parked tried again', async () => {
    await park(4);
    await park(12);
    expect(await setOffset('warehouse', 10)).toEqual({ from: 15, to: 10, unparked: 1 });
    expect(await filled.run('SELECT sequence FROM ledger.parked')).toEqual([{ sequence: '4' }]);
    expect(await lastJournal('offset_moved')).toEqual({ from: 15, to: 10, skip: false, unparked: 1 });
  });

  it('goes forward only where leaving entries out is meant, and then asks the sink for none of them', async () => {
    expect(await rejectionOf(setOffset('warehouse', 18))).toMatchObject({ code: 'skip_needed' });
    expect(await setOffset('warehouse', 18, true)).toMatchObject({ from: 15, to: 18 });
    const place = { organization: filled.organization.id, sink: 'warehouse', sequence: 18 };
    expect(await heldEntry(filled.ledger, place)).toBeUndefined();
  });

  it('goes back to where the sink began on a reset', async () => {
    await filled.run(`UPDATE ledger.deliveries SET first_sequence = 8`);
    expect(await setOffset('warehouse', 'beginning')).toMatchObject({ from: 15, to: 7 });
    expect(await setOffset('warehouse', 2)).toMatchObject({ to: 2 });
    expect(await findDelivery(filled.ledger, filled.organization.id, 'warehouse')).toMatchObject({
      firstSequence: 3,
      offset: 2,
    });
  });

  it('refuses to go beyond the ledger, and behind what was pruned', async () => {
    expect(await rejectionOf(setOffset('warehouse', 21, true))).toMatchObject({
      code: 'offset_out_of_range',
    });
    await filled.fill(5);
    await filled.run('DELETE FROM ledger.segments WHERE first_sequence = 1');
    expect(await rejectionOf(setOffset('warehouse', 3))).toMatchObject({ code: 'text_pruned' });
  });

  it('never moves an archive', async () => {
    await filled.addDelivery('archive', { type: 's3', offset: 10 });
    await filled.addDelivery('third-party', { type: 'tape', offset: 10 });
    await filled.run(
      `INSERT INTO ledger.objects (organization, sink, first_sequence, last_sequence, key, entries, raw_bytes, content_sha256)
       VALUES ($1, 'third-party', 1, 10, 'k', 10, 1, '\\x00')`,
      [filled.organization.id],
    );
    for (const sink of ['archive', 'third-party']) {
      expect(await rejectionOf(setOffset(sink, 1))).toMatchObject({ code: 'offset_of_archive' });
      expect(await rejectionOf(setOffset(sink, 20, true))).toMatchObject({ code: 'offset_of_archive' });
    }
  });

  it('is refused while another process feeds the sink', async () => {
    const other = await anotherLedger(filled);
    const organizationId = filled.organization.id;
    const lease = await leaseOf(other, { work: 'deliver', organization: organizationId, sink: 'warehouse' });
    expect(await rejectionOf(setOffset('warehouse', 3))).toMatchObject({ kind: 'held' });
    await lease.release();
  });
});

async function retire(sink: string): Promise<void> {
  const { ledger } = filled;
  const delivery = await findDelivery(ledger, filled.organization.id, sink);
  if (delivery === undefined) throw new TypeError('there is no such sink');
  await underDeliveryLease(ledger, { delivery, organization: 'acme' }, (lease) =>
    retireDelivery(ledger, lease, delivery),
  );
}

function registration(fingerprint: string): Parameters<typeof registerDelivery>[1] {
  return {
    organization: filled.organization.id,
    sink: 'archive',
    type: 's3',
    fingerprint,
    from: 'beginning',
  };
}

describe('retiring a sink', () => {
  it('lets a sink without objects begin anew under its name', async () => {
    await filled.fill(5);
    await filled.addDelivery('archive', { type: 'postgres', offset: 5 });
    await retire('archive');
    expect(await registerDelivery(filled.ledger, registration('elsewhere'))).toMatchObject({
      offset: 0,
      fingerprint: 'elsewhere',
      retiredAt: undefined,
    });
  });

  it('lets an archive go on where it was, and refuses another place under its name', async () => {
    await filled.fill(5);
    await filled.addDelivery('archive', { type: 's3', offset: 5 });
    await filled.run(
      `INSERT INTO ledger.objects (organization, sink, first_sequence, last_sequence, key, entries, raw_bytes, content_sha256, confirmed_at)
       VALUES ($1, 'archive', 1, 5, 'k', 5, 1, '\\x00', now())`,
      [filled.organization.id],
    );
    await retire('archive');
    expect(await rejectionOf(registerDelivery(filled.ledger, registration('elsewhere')))).toMatchObject({
      code: 'sink_name_used',
    });
    expect(await registerDelivery(filled.ledger, registration('place of archive'))).toMatchObject({
      offset: 5,
      retiredAt: undefined,
    });
  });
});

describe('renaming an organization', () => {
  beforeEach(async () => {
    await filled.fill(10);
    await filled.addDelivery('warehouse', { offset: 6 });
  });

  it('keeps the ledger and asks no sink for entries under the new name', async () => {
    await renameOrganization(filled.ledger, 'acme', 'acme-eu');
    expect(await findOrganization(filled.ledger, 'acme')).toBeUndefined();
    expect(await findOrganization(filled.ledger, 'acme-eu')).toMatchObject({ nextSequence: 11 });
    const place = { organization: filled.organization.id, sink: 'warehouse', sequence: 6 };
    expect(await heldEntry(filled.ledger, place)).toBeUndefined();
    expect(await lastJournal('organization_renamed')).toEqual({ from: 'acme', to: 'acme-eu' });
  });

  it.each(['', 'Acme', '-acme', 'a_b', 'a/b', 'ä', 'a'.repeat(64)])('refuses the name %j', async (name) => {
    expect(await rejectionOf(renameOrganization(filled.ledger, 'acme', name))).toMatchObject({
      code: 'organization_name_invalid',
    });
  });

  it('refuses a name that is taken, and one that is not known', async () => {
    await filled.run(`INSERT INTO ledger.organizations (id, name, start_from) VALUES (9, 'taken', 0)`);
    expect(await rejectionOf(renameOrganization(filled.ledger, 'acme', 'taken'))).toMatchObject({
      code: 'organization_name_taken',
    });
    expect(await rejectionOf(renameOrganization(filled.ledger, 'nobody', 'somebody'))).toMatchObject({
      code: 'organization_unknown',
    });
  });

  it('is refused while an object is begun, and while anybody works for the organization', async () => {
    const other = await anotherLedger(filled);
    const sinkLease = await leaseOf(other, {
      work: 'deliver',
      organization: filled.organization.id,
      sink: 'warehouse',
    });
    expect(await rejectionOf(renameOrganization(filled.ledger, 'acme', 'new'))).toMatchObject({
      kind: 'held',
    });
    await sinkLease.release();
    await filled.run(
      `INSERT INTO ledger.objects (organization, sink, first_sequence, last_sequence, key, entries, raw_bytes, content_sha256)
       VALUES ($1, 'warehouse', 7, 9, 'organization=acme/entries/x', 3, 1, '\\x00')`,
      [filled.organization.id],
    );
    expect(await rejectionOf(renameOrganization(filled.ledger, 'acme', 'new'))).toMatchObject({
      code: 'object_planned',
    });
    await filled.run('DELETE FROM ledger.objects');
    await renameOrganization(filled.ledger, 'acme', 'new');
    const readLease = await leaseOf(other, target());
    await readLease.release();
  });
});
