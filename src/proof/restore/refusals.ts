/** Why an archive is not restored, or not into this store: sentences that say what to do. */
import { ExporterError, UsageError } from '../../errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';

/** What was read is no longer what was verified. */
export function archiveChanged(key: string): ExporterError {
  return new ExporterError(
    `The object ${key} is not what it was when the archive was verified: somebody writes to the archive, or alters it. ` +
      'Stop whoever writes there, and run `ccloud-audit verify`.',
    { kind: 'findings', code: 'archive_changed' },
  );
}

export function storeDiffers(organization: string, sequence: number): ExporterError {
  return new ExporterError(
    `The store holds another entry of "${organization}" at sequence ${sequence} than the archive: it went on by itself after its backup ` +
      'was taken, so the two can not be joined. Restore into an empty schema (set store.schema to a new name).',
    { kind: 'findings', code: 'store_differs' },
  );
}

export function storeNotEmpty(ledger: Ledger, archive: string): UsageError {
  return new UsageError(
    `The store's schema "${ledger.schema}" already holds the ledger ${ledger.ledgerId}, and the archive belongs to the ledger ${archive}. ` +
      'A restore goes into an empty store, or into an older state of the same ledger. Set store.schema to a new name, ' +
      'or drop the schema if nothing in it is needed.',
    { code: 'store_not_empty' },
  );
}

export function otherRestore(ledger: Ledger, begun: string, archive: string): UsageError {
  return new UsageError(
    `A restore of the ledger ${begun} into the schema "${ledger.schema}" was begun and not finished; this archive belongs to the ledger ${archive}. ` +
      'Finish that one, or drop the schema.',
    { code: 'restore_unfinished' },
  );
}

export function otherOrganization(name: string, held: string, archived: string): UsageError {
  return new UsageError(
    `The store holds the organization ${held} under the name "${name}", and the archive is of ${archived}. Nothing was restored.`,
    { code: 'organization_mismatch' },
  );
}

export function severalLedgers(ledgers: readonly string[]): UsageError {
  return new UsageError(
    `The archive holds organizations of several ledgers (${ledgers.join(', ')}); a store is one ledger. Choose with --organization.`,
    { code: 'several_ledgers' },
  );
}

export function otherSink(named: string, given: string): UsageError {
  return new UsageError(
    `The archive was written by a sink named "${named}", which its digests are bound to, and the configuration calls it "${given}". ` +
      'Give the sink its old name.',
    { code: 'sink_mismatch' },
  );
}

export function beginsLate(organization: string, sequence: number): ExporterError {
  return new ExporterError(
    `The archive of "${organization}" begins with sequence ${sequence}: what came before was never in it (the sink began later), or was removed. ` +
      'A ledger can only be rebuilt from its beginning.',
    { kind: 'findings', code: 'archive_begins_late' },
  );
}

export function hasGap(key: string, expected: number): ExporterError {
  return new ExporterError(
    `The object ${key} does not follow the one before it: sequence ${expected} was expected. Run \`ccloud-audit verify\`.`,
    { kind: 'findings', code: 'sequence_gap' },
  );
}
