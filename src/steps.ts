/**
 * The steps on the way of an entry, each announced as it is reached on a diagnostics channel of Node. Nobody listens in
 * operation, and an announcement then costs a look at a flag; the fault tests listen, and end the process just there.
 *
 * A new step is a line here and a call where it happens. It is announced in the thread that takes it: those of a file in the
 * one that writes files.
 */
import { channel } from 'node:diagnostics_channel';

/** By name, what has happened, or is about to. `before-…-commit`: everything was sent but COMMIT. */
export const steps = {
  // The store.
  'migration-statement-run': 'a statement of a migration is carried out',
  'migration-version-written': 'the version of a migration is written down',
  'organization-registered': 'an organization has its row',
  'delivery-registered': 'a sink has its row, with where it begins',
  'lease-taken': 'a lease is taken',
  'lease-released': 'a lease is given back',
  // Reading.
  'before-boundary-commit': 'first contact is about to fix where the tail begins',
  'boundary-fixed': 'where the tail begins is fixed',
  'before-demand-commit': 'stretches are about to be made of what was demanded',
  'page-received': 'the API has answered with a page',
  'append-begun': 'the organization’s row is taken, nothing is written yet',
  'rows-numbered': 'new entries have their sequences and rows',
  'segment-written': 'their lines are in a segment',
  'position-moved': 'the reader’s position is moved with them',
  'append-committed': 'entries and position are in the ledger',
  'before-stretch-commit': 'a stretch that was read to its end is about to become coverage',
  'stretch-finished': 'a stretch that was read to its end is coverage',
  'before-prune-commit': 'old lines are about to be deleted',
  pruned: 'old lines are deleted',
  // Delivery to any sink.
  'sink-attached': 'a sink is found to be the one it was',
  'batch-written': 'the sink says that it holds a batch',
  'before-offset-commit': 'the offset is about to move',
  'offset-moved': 'the offset has moved',
  'before-park-commit': 'an entry is about to be set aside',
  // Archives.
  'before-plan-commit': 'the range of an object is about to be planned',
  'object-planned': 'the range of an object is planned',
  'archive-claimed': 'the archive says whose it is',
  'file-written': 'a file is on the disk, under a name that nobody looks at',
  'file-linked': 'a file has its name',
  'file-synced': 'a file’s directories are on the disk',
  'put-sent': 'an object is about to be put',
  'put-answered': 'a put is answered',
  'digest-signed': 'a digest is composed and signed',
  'before-digest-commit': 'the bytes of a digest are about to be planned',
  'digest-planned': 'the bytes of a digest are planned',
  'digest-written': 'a digest is in the archive',
  'digest-confirmed': 'a digest is confirmed',
  // Other sinks.
  'rows-copied': 'rows are sent to the table, not committed',
  'rows-committed': 'rows are in the table',
  'lines-printed': 'lines are printed',
  // Proof and moves.
  'archive-verified': 'the archive that is restored is verified',
  'restore-begun': 'the store is marked as being restored',
  'object-restored': 'an object is back in the ledger',
  'digest-restored': 'a digest is back in the ledger',
  'delivery-restored': 'the archive’s offset is back',
  'before-restore-end': 'everything is back, the mark is still there',
  'table-copied': 'a table of the store is copied',
  'before-copy-end': 'the store is copied, the copy has no id yet',
} as const;

export type StepName = keyof typeof steps;

/** What is published. */
export interface ReachedStep {
  readonly step: StepName;
  /** The sink whose step it is; undefined for steps of none, and where the part that takes it knows no sink. */
  readonly sink: string | undefined;
}

export const stepsChannelName = 'ccloud-audit-export:steps';

const reached = channel(stepsChannelName);

/** Says that a step is reached. */
export function announceStep(step: StepName, sink?: string): void {
  if (reached.hasSubscribers) reached.publish({ step, sink } satisfies ReachedStep);
}
