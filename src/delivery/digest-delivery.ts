/**
 * The digests of one archive: plan, write, confirm, as with its objects, under the same lease and after them.
 *
 *     last digest not confirmed? ─▶ put it ─▶ confirm        (whoever comes after a crash begins here)
 *     due? ─▶ what no digest lists yet ─▶ exact bytes planned ─▶ put ─▶ confirm
 *
 * A digest lists confirmed objects only; objects after the last digest are not yet signed. A large backlog becomes
 * several digests in a row.
 */
import { createHash } from 'node:crypto';
import { sealDigest } from '../archive/digest/envelope.ts';
import { encodeDigest, type DigestReason } from '../archive/digest/digest-payload.ts';
import type { PublicKey, SigningKey } from '../archive/digest/signing-key.ts';
import { digestKey, parseArchiveKey } from '../archive/layout.ts';
import { UsageError } from '../errors.ts';
import { digestMaterial, hasUnlisted, type MaterialLimits } from '../ledger/digest-material.ts';
import {
  confirmDigest,
  digestState,
  planDigest,
  type DigestPlan,
  type DigestState,
  type PlannedDigest,
} from '../ledger/digests.ts';
import { linkSignals } from '../linked-signal.ts';
import { announceStep } from '../steps.ts';
import { formatTimestamp } from '../time.ts';
import { composeDigest } from './compose-digest.ts';
import type { DeliveryOptions } from './delivery-options.ts';

/** `end`: at the end of a one-shot whatever is new makes a digest due. */
export type DigestMoment = 'due' | 'end';

/** What becomes the archive's key. */
export type KeyRotation =
  /** The key in force signs, and names this one. */
  | { readonly kind: 'to'; readonly nextKey: PublicKey }
  /** The configured key, or none, is taken as it is; nothing of the old key proves it. */
  | { readonly kind: 'accept' };

export interface DigestDelivery {
  /** Throws a UsageError when another key than the one that was announced is configured. */
  checkKey(): Promise<void>;
  /** Writes what is due; resolves when nothing is left to write now. */
  write(moment: DigestMoment, signal: AbortSignal): Promise<void>;
  /** Writes what is new, and then the digest that changes the key. False when it is the archive's key already. */
  rotate(rotation: KeyRotation, signal: AbortSignal): Promise<boolean>;
}

/** About a megabyte of each: a digest is read whole. */
const defaultLimits: MaterialLimits = { objects: 1000, journal: 2000, changes: 2000 };
const minuteMs = 60_000;

/** Undefined for sinks that keep no digests. */
export function createDigestDelivery(options: DeliveryOptions): DigestDelivery | undefined {
  return options.sink.writeDigest === undefined ? undefined : new Digests(options);
}

/** Whether the archive of a delivery would get a digest at this moment. */
export async function isDigestDue(
  options: Pick<DeliveryOptions, 'ledger' | 'digests'>,
  place: { readonly organization: number; readonly sink: string },
  moment: DigestMoment,
): Promise<boolean> {
  const state = await digestState(options.ledger, place);
  return state.planned !== undefined || (await dueReason(options, { place, state, moment })) !== undefined;
}

class Digests implements DigestDelivery {
  readonly #options: DeliveryOptions;
  readonly #place: { readonly organization: number; readonly sink: string };
  #nextLook = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#place = { organization: options.organization.id, sink: options.sink.name };
  }

  async checkKey(): Promise<void> {
    this.#assertAnnounced(await digestState(this.#options.ledger, this.#place));
  }

  async write(moment: DigestMoment, signal: AbortSignal): Promise<void> {
    if (moment === 'due' && performance.now() < this.#nextLook) return;
    await this.#writeAll(moment, signal);
    this.#nextLook = performance.now() + (this.#options.digests?.lookMs ?? minuteMs);
  }

  async rotate(rotation: KeyRotation, signal: AbortSignal): Promise<boolean> {
    const before = await this.#unplanned(signal);
    const known = keyOf(before);
    if (rotation.kind === 'to') {
      if (known === rotation.nextKey.keyId) return false;
      if (this.#signingKey === undefined) throw nothingSigns(this.#options.sink.name);
      this.#assertAnnounced(before);
      await this.#writeAll('end', signal);
    } else if (known === undefined || known === this.#signingKey?.publicKey.keyId) return false;
    const state = await this.#unplanned(signal);
    await this.#plan(state, { reason: 'rotation', rotation });
    const { last } = await this.#unplanned(signal);
    this.#options.logger.info(
      { digest: last?.number, from: keyOf(state), to: last?.nextKeyId ?? last?.keyId },
      'signing key changed',
    );
    return true;
  }

  get #signingKey(): SigningKey | undefined {
    return this.#options.digests?.signingKey;
  }

  async #writeAll(moment: DigestMoment, signal: AbortSignal): Promise<void> {
    let goingOn: DigestReason | undefined;
    for (;;) {
      const state = await this.#unplanned(signal);
      const reason = goingOn ?? (await dueReason(this.#options, { place: this.#place, state, moment }));
      if (reason === undefined) return;
      this.#assertAnnounced(state);
      const isFull = await this.#plan(state, { reason });
      goingOn = isFull ? reason : undefined;
      if (!isFull) {
        await this.#unplanned(signal);
        return;
      }
    }
  }

  /** The state once the planned digest, if there is one, is written and confirmed. */
  async #unplanned(signal: AbortSignal): Promise<DigestState> {
    signal.throwIfAborted();
    const { ledger } = this.#options;
    const state = await digestState(ledger, this.#place);
    if (state.planned === undefined) return state;
    await this.#finish(state.planned, state);
    return await digestState(ledger, this.#place);
  }

  async #finish({ number, key, envelope }: PlannedDigest, state: DigestState): Promise<void> {
    const { ledger, lease, abort, sink, logger, observer, organization } = this.#options;
    const linked = linkSignals(lease.signal, abort);
    try {
      // The organization may have got another name since it was planned.
      const name = parseArchiveKey(key)?.organization ?? organization.name;
      await sink.writeDigest?.({ organization: name, number, bytes: envelope }, { signal: linked.signal });
    } finally {
      linked.unlink();
    }
    announceStep('digest-written', sink.name);
    await confirmDigest(ledger, lease, number);
    observer.digestWritten?.({ organization: organization.name, sink: sink.name });
    // The operator's log system is the witness outside the archive: it keeps what the archive's head was.
    logger.info(
      {
        digest: number,
        payloadSha256: state.last?.payloadSha256.toString('hex'),
        keyId: state.last?.keyId,
        throughSequence: state.last?.throughSequence,
      },
      'digest written',
    );
  }

  /** Plans the next digest; whether it is full, so that more may be left. */
  async #plan(
    state: DigestState,
    purpose: { readonly reason: DigestReason; readonly rotation?: KeyRotation },
  ): Promise<boolean> {
    const { ledger, lease, organization, sink, digests } = this.#options;
    const limits = digests?.limits ?? defaultLimits;
    const throughSequence = state.last?.throughSequence ?? 0;
    const material = await digestMaterial(ledger, { ...this.#place, throughSequence }, limits);
    const nextKey = purpose.rotation?.kind === 'to' ? purpose.rotation.nextKey : undefined;
    const composed = await composeDigest(ledger, {
      organization: { ...organization, cloudId: state.organizationId },
      sink: sink.name,
      reason: purpose.reason,
      state,
      material,
      nextKey,
      isSigned: this.#signingKey !== undefined,
    });
    const payload = encodeDigest(composed.payload);
    const { number } = composed.payload;
    const plan: DigestPlan = {
      ...composed.totals,
      number,
      reason: purpose.reason,
      key: digestKey(organization.name, number),
      payloadSha256: createHash('sha256').update(payload).digest(),
      envelope: sealDigest(payload, this.#signingKey),
      keyId: this.#signingKey?.publicKey.keyId,
      nextKeyId: nextKey?.keyId,
      plannedAt: formatTimestamp(state.now),
      journal: material.journal,
      changes: material.changes,
      rotation: rotationDetail(purpose.rotation, { state, signingKey: this.#signingKey }),
    };
    announceStep('digest-signed', sink.name);
    await planDigest(ledger, lease, plan);
    return (
      material.objects.length === limits.objects ||
      material.journal.length === limits.journal ||
      material.changes.length === limits.changes
    );
  }

  #assertAnnounced(state: DigestState): void {
    const known = keyOf(state);
    const configured = this.#signingKey?.publicKey.keyId;
    // An archive that nobody signed so far may be signed from now on.
    if (known === undefined || known === configured) return;
    throw keyChanged(this.#options.sink.name, { known, configured });
  }
}

/** The key that has to sign the next digest; undefined: any, or none. */
function keyOf({ last }: DigestState): string | undefined {
  return last?.nextKeyId ?? last?.keyId;
}

async function dueReason(
  options: Pick<DeliveryOptions, 'ledger' | 'digests'>,
  at: {
    readonly place: { readonly organization: number; readonly sink: string };
    readonly state: DigestState;
    readonly moment: DigestMoment;
  },
): Promise<DigestReason | undefined> {
  const { place, state, moment } = at;
  const { hourlyMs = 60 * minuteMs, dailyMs = 24 * 60 * minuteMs } = options.digests ?? {};
  const isHourOver = state.ageMs >= hourlyMs;
  if (moment === 'end' || isHourOver) {
    const hasNews = await hasUnlisted(options.ledger, place, state.last?.throughSequence ?? 0);
    if (hasNews) return moment === 'end' ? 'backfill' : 'hourly';
  }
  return state.ageMs >= dailyMs ? 'daily' : undefined;
}

function rotationDetail(
  rotation: KeyRotation | undefined,
  keys: { readonly state: DigestState; readonly signingKey: SigningKey | undefined },
): object | undefined {
  if (rotation === undefined) return undefined;
  const from = keyOf(keys.state) ?? null;
  return rotation.kind === 'to'
    ? { from: keys.signingKey?.publicKey.keyId ?? from, to: rotation.nextKey.keyId }
    : { from, to: keys.signingKey?.publicKey.keyId ?? null, isAnnounced: false };
}

function nothingSigns(sink: string): UsageError {
  return new UsageError(
    `No signing key is configured, so nothing can announce the new one for the archive "${sink}". ` +
      'An archive that was not signed so far needs no announcement: set signing.keyFile to the new key. ' +
      'Otherwise put the key in force there first.',
    { code: 'signing_key_missing' },
  );
}

function keyChanged(
  sink: string,
  keys: { readonly known: string; readonly configured: string | undefined },
): UsageError {
  const now = keys.configured === undefined ? 'no signing key is' : `the key ${keys.configured} is`;
  return new UsageError(
    `The digests of the archive "${sink}" are to be signed with the key ${keys.known}, but ${now} configured. Put that key back in ` +
      'signing.keyFile (it is read when the program starts: where the file holds that key by now, start it anew), and announce another one with `ccloud-audit key rotate --to FILE` before you change it. If that key is lost, ' +
      '`ccloud-audit key rotate --accept` goes on with what is configured now; `ccloud-audit verify` will report it.',
    { code: 'signing_key_changed' },
  );
}
