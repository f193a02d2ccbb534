import type { HeldEntry, Sink } from '../../sinks/sink.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { knownDigestKeys } from '../ledger/digests.ts';
import { knownObjectKeys, objectHolding } from '../ledger/objects.ts';
import type { Organization } from '../ledger/organizations.ts';
import { findRow } from '../ledger/rows.ts';
import { readSegmentFrom } from '../ledger/segments.ts';
import { ExporterError } from '../errors.ts';
import { announceStep } from '../steps.ts';

/** Lets a sink show that it still holds the last acknowledged entry, and that nobody else writes there. */
export async function attachSink(
  ledger: Ledger,
  delivery: { readonly organization: Organization; readonly sink: Sink; readonly offset: number },
  signal: AbortSignal,
): Promise<void> {
  const { organization, sink, offset } = delivery;
  const known =
    sink.capabilities.roll === undefined
      ? undefined
      : await knownKeys(ledger, { organization: organization.id, sink: sink.name });
  await sink.attach(
    {
      organization: organization.name,
      organizationId: organization.cloudId,
      ledgerId: ledger.ledgerId,
      last: await heldEntry(ledger, { organization: organization.id, sink: sink.name, sequence: offset }),
      isKnownObject: (key) => known?.has(key) ?? true,
    },
    { signal },
  );
  announceStep('sink-attached', sink.name);
}

async function knownKeys(
  ledger: Ledger,
  { organization, sink }: { readonly organization: number; readonly sink: string },
): Promise<Set<string>> {
  const keys = await knownObjectKeys(ledger, organization, sink);
  for (const key of await knownDigestKeys(ledger, { organization, sink })) keys.add(key);
  return keys;
}

/**
 * What a sink needs to look for an entry. Undefined for a sequence that no sink was given: zero, or the place just
 * before where a sink that starts later begins, or a parked one.
 */
export async function heldEntry(
  ledger: Ledger,
  place: { readonly organization: number; readonly sink: string; readonly sequence: number },
): Promise<HeldEntry | undefined> {
  const row = await findRow(ledger, place);
  if (row === undefined || !row.isDelivered) return undefined;
  return {
    sequence: place.sequence,
    id: (await idAt(ledger, place)) ?? row.key,
    sha256: row.lineSha256,
    object: await objectHolding(ledger, place),
  };
}

/** The id of an entry at a sequence; undefined where the raw text was pruned. */
export async function idAt(
  ledger: Ledger,
  place: { readonly organization: number; readonly sequence: number },
): Promise<string | undefined> {
  try {
    const segment = await readSegmentFrom(ledger, place.organization, place.sequence);
    const entry = segment?.entries[0];
    return entry === undefined ? undefined : entry.id;
  } catch (error) {
    if (error instanceof ExporterError && error.code === 'segment_missing') return undefined;
    throw error;
  }
}
