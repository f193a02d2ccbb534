/** Putting objects into archives that were claimed, as long as they are the ones that were. */
import { SinkError } from '../../sinks/sink-error.ts';
import type { Attachment, SinkOptions } from '../../sinks/sink.ts';
import { announceStep } from '../steps.ts';
import { assertStillClaimed, claimArchive, identityOf, type ClaimedArchive } from './archive-identity.ts';
import { identityKey } from './layout.ts';
import type { HeldRevision, ObjectStore, PutOptions } from './object-store.ts';

export class ClaimedArchives {
  readonly #store: ObjectStore;
  /** By organization: the archive that was found, or begun, here. */
  readonly #claimed = new Map<string, ClaimedArchive>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Begins the archive, or checks the one that is there; where it `hasBegun` it must be there. */
  async claim(attachment: Attachment, options: SinkOptions & { readonly hasBegun: boolean }): Promise<void> {
    const claim = identityOf(attachment);
    await claimArchive(this.#store, claim, options);
    this.#claimed.set(attachment.organization, { claim, revision: undefined });
    announceStep('archive-claimed');
  }

  /**
   * A bucket made anew, or a folder under a disk that was unmounted, takes objects as if nothing had happened. And where
   * a store looks for the condition before it takes the body, two ledgers that begin at once may both have been told yes.
   */
  async #assertStillOurs(organization: string, options: SinkOptions): Promise<void> {
    const claimed = this.#claimed.get(organization);
    if (claimed !== undefined) await assertStillClaimed(this.#store, claimed, options);
  }

  /** Where the look can't be made in one go with the put, it is made before. */
  async look(organization: string, options: SinkOptions): Promise<void> {
    if (this.#heldRevision(organization) === undefined) await this.#assertStillOurs(organization, options);
  }

  #heldRevision(organization: string): HeldRevision | undefined {
    const revision = this.#claimed.get(organization)?.revision;
    if (this.#store.putWhile === undefined || revision === undefined) return undefined;
    return { key: identityKey(organization), revision };
  }

  /** Puts an object into the archive of an organization while that is still ours. */
  async put(
    organization: string,
    key: string,
    bytes: Buffer,
    options: PutOptions,
  ): Promise<'created' | 'exists'> {
    const held = this.#heldRevision(organization);
    if (held !== undefined) {
      const outcome = await this.#store.putWhile?.(key, bytes, { ...options, held });
      if (outcome !== undefined && outcome !== 'altered') return outcome;
      await this.#assertStillOurs(organization, options);
    }
    return await this.#putIfAbsent(key, bytes, options);
  }

  /**
   * Some stores refuse a put before they have read its body, and hang up; the refusal is then lost while the body is
   * still being sent, as often as it is repeated. Whether the object is there tells.
   */
  async #putIfAbsent(key: string, bytes: Buffer, options: PutOptions): Promise<'created' | 'exists'> {
    try {
      return await this.#store.putIfAbsent(key, bytes, options);
    } catch (error) {
      if (!(error instanceof SinkError) || error.code !== 'answer_lost') throw error;
      if ((await this.#store.head(key, options)) === undefined) throw error;
      return 'exists';
    }
  }
}
