/**
 * Writing a verified archive into a ledger, under the leases of all that works on it.
 *
 *     store marked ─▶ objects and digests in the order they were written ─▶ delivery ─▶ mark taken away, ledger id set
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ExporterError } from '../../errors.ts';
import { readHead } from '../../ledger/deliveries.ts';
import { leaseHolder, type Lease, type LeaseTarget } from '../../ledger/leases.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { allWork, underLease, underLeases, type LeaseWork } from '../../ledger/operator-lease.ts';
import { listOrganizations, registerOrganization, type Organization } from '../../ledger/organizations.ts';
import { beginRestore, finishRestore, undoRestore, type RestoreMark } from '../../ledger/restore-mark.ts';
import { putDelivery, putDigest } from '../../ledger/restored-rows.ts';
import { announceStep } from '../../steps.ts';
import { nanos } from '../../time.ts';
import type { DigestRecord } from '../verify/digest-chain.ts';
import type { VerifiedArchive } from '../verify/verify-archive.ts';
import { inWrittenOrder, presentName } from './archive-order.ts';
import { beginsLate, hasGap, otherOrganization, otherRestore, storeNotEmpty } from './refusals.ts';
import { restoreObject } from './restore-object.ts';
import type { RestoredOrganization, RestoreOptions, RestoreResult } from './restore.ts';

const pollMs = 250;

export class Restoring {
  readonly #options: RestoreOptions;
  readonly #ledger: Ledger;
  readonly #ledgerId: string;
  #entries = 0;
  #entriesTotal = 0;

  constructor(options: RestoreOptions, ledgerId: string) {
    this.#options = options;
    this.#ledger = options.ledger;
    this.#ledgerId = ledgerId;
  }

  async run(archives: readonly VerifiedArchive[]): Promise<RestoreResult> {
    const { mark: begun } = this.#options;
    const there = await listOrganizations(this.#ledger);
    if (begun !== undefined) {
      if (begun.ledgerId !== this.#ledgerId) throw otherRestore(this.#ledger, begun.ledgerId, this.#ledgerId);
    } else if (there.length > 0 && this.#ledger.ledgerId !== this.#ledgerId) {
      throw storeNotEmpty(this.#ledger, this.#ledgerId);
    }
    const works = await allWork(this.#ledger, there);
    if (begun !== undefined) await this.#waitForTheDead(works);
    for (const archive of archives) this.#entriesTotal += archive.walk.entries;
    return await underLeases(this.#ledger, works, async (leases) => {
      const mark = begun ?? (await this.#begin(there));
      try {
        const organizations: RestoredOrganization[] = [];
        for (const archive of archives)
          organizations.push(await this.#organization(archive, { there, leases }));
        announceStep('before-restore-end');
        await finishRestore(this.#ledger, mark, {
          ledgerId: this.#ledgerId,
          archive: this.#options.store.fingerprint,
          allowUnsigned: this.#options.allowUnsigned,
          allowUnsignedEnd: this.#options.allowUnsignedEnd,
          heads: this.#options.heads,
          organizations: organizations.map(({ organization, restored, head, notYetSigned }) => ({
            organization,
            restored,
            head,
            notYetSigned,
          })),
        });
        return { outcome: 'restored', ledgerId: this.#ledgerId, organizations };
      } catch (error) {
        // What does not fit will not fit at the next try either; everything else may.
        const isFinding =
          error instanceof ExporterError && (error.kind === 'findings' || error.kind === 'usage');
        if (isFinding) await undoRestore(this.#ledger, mark);
        throw error;
      }
    });
  }

  async #begin(there: readonly Organization[]): Promise<RestoreMark> {
    const mark: RestoreMark = {
      ledgerId: this.#ledgerId,
      previousLedgerId: this.#ledger.ledgerId,
      organizations: there.map(({ id, nextSequence }) => ({ id, nextSequence })),
    };
    await beginRestore(this.#ledger, mark);
    announceStep('restore-begun');
    return mark;
  }

  /** The lease of a restore that was killed runs out by itself. */
  async #waitForTheDead(works: readonly LeaseWork[]): Promise<void> {
    const deadline = performance.now() + this.#ledger.leaseMs + 2000;
    for (const { target } of works) {
      while ((await leaseHolder(this.#ledger, target)) !== undefined && performance.now() < deadline)
        await delay(pollMs, undefined, { signal: this.#options.signal });
    }
  }

  async #organization(
    archive: VerifiedArchive,
    known: { readonly there: readonly Organization[]; readonly leases: readonly Lease[] },
  ): Promise<RestoredOrganization> {
    const { group } = archive;
    const name = presentName(archive, new Set(this.#options.configured.keys()));
    const cloudId = group.identity?.organization.id ?? undefined;
    const names = new Set([name, ...group.folders.map(({ organization }) => organization)]);
    const held = known.there.find(
      (one) => names.has(one.name) || (cloudId !== undefined && one.cloudId === cloudId),
    );
    if (held !== undefined) {
      if (cloudId !== undefined && held.cloudId !== undefined && held.cloudId !== cloudId)
        throw otherOrganization(held.name, held.cloudId, cloudId);
      const lease = known.leases.find(({ target }) => isReading(target, held.id));
      if (lease === undefined) throw new TypeError('an organization that was there is leased');
      return await this.#fill(archive, held, lease);
    }
    const organization = await registerOrganization(this.#ledger, {
      name,
      cloudId,
      label: undefined,
      startFrom: this.#options.configured.get(name) ?? nanos(-9_200_000_000_000_000_000n),
    });
    const target = { work: 'read', organization: organization.id } as const;
    return await underLease(this.#ledger, { target, organization: name }, (lease) =>
      this.#fill(archive, organization, lease),
    );
  }

  async #fill(
    archive: VerifiedArchive,
    organization: Organization,
    lease: Lease,
  ): Promise<RestoredOrganization> {
    const { store, sink } = this.#options;
    const signal = AbortSignal.any([this.#options.signal, lease.signal]);
    const head = await readHead(this.#ledger, organization.id);
    const done = { restored: 0, objects: 0, digests: 0, last: 0 };
    for await (const step of inWrittenOrder(archive, { store, signal })) {
      signal.throwIfAborted();
      if (step.kind === 'digest') {
        await putDigest(this.#ledger, lease, { sink: sink.name, digest: toDigest(step.record) });
        announceStep('digest-restored');
        done.digests += 1;
        continue;
      }
      const { object } = step;
      if (object.firstSequence !== done.last + 1) {
        throw done.last === 0
          ? beginsLate(organization.name, object.firstSequence)
          : hasGap(object.key, done.last + 1);
      }
      const { lastSequence, added } = await restoreObject(object, head, {
        ledger: this.#ledger,
        lease,
        store,
        organization: organization.name,
        sink: sink.name,
        onProgress: (entries) => this.#progress(entries),
        signal,
      });
      announceStep('object-restored');
      done.last = lastSequence;
      done.restored += added;
      done.objects += 1;
    }
    await putDelivery(this.#ledger, lease, { ...toDelivery(sink), offset: done.last });
    announceStep('delivery-restored');
    return {
      organization: organization.name,
      cloudId: organization.cloudId,
      restored: done.restored,
      held: done.last - done.restored,
      head: await readHead(this.#ledger, organization.id),
      objects: done.objects,
      digests: done.digests,
      notYetSigned: archive.walk.notYetSigned.entries,
    };
  }

  #progress(entries: number): void {
    this.#entries += entries;
    const total = this.#entriesTotal;
    const fraction = total === 0 ? undefined : 0.5 + this.#entries / total / 2;
    this.#options.onProgress({ entries: total + this.#entries, fraction });
  }
}

function isReading(target: LeaseTarget, organization: number): boolean {
  return target.work === 'read' && target.organization === organization;
}

function toDelivery({ name, type, fingerprint }: RestoreOptions['sink']): {
  readonly sink: string;
  readonly type: string;
  readonly fingerprint: string;
} {
  return { sink: name, type, fingerprint };
}

function toDigest({
  file,
  sha256,
  signature,
  payload,
}: DigestRecord): Parameters<typeof putDigest>[2]['digest'] {
  return {
    number: file.number,
    reason: payload.reason,
    key: file.key,
    payloadSha256: Buffer.from(sha256, 'hex'),
    throughSequence: payload.through.sequence,
    objects: payload.through.objects,
    entries: payload.through.entries,
    chainSha256: Buffer.from(payload.through.chainSha256, 'hex'),
    keyId: signature.state === 'none' ? undefined : signature.keyId,
    nextKeyId: payload.nextKey?.keyId,
    createdAt: payload.createdAt,
  };
}
