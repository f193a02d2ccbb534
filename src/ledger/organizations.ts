/**
 * The organizations of a ledger: who they are at the vendor, and how far each was read. A name is a label of ours; the
 * vendor's id is pinned to it at first contact, so that a key of another organization can't mix two logs.
 */
import { ExporterError, UsageError } from '../errors.ts';
import { announceStep } from '../steps.ts';
import { nanos, type Nanos } from '../time.ts';
import type { Queryable } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import { writeJournal } from './journal.ts';
import type { Ledger } from './ledger.ts';

export interface Organization {
  readonly id: number;
  readonly name: string;
  /** The vendor's id; undefined where the API does not tell. */
  readonly cloudId: string | undefined;
  readonly label: string | undefined;
  /** What `startFrom` was when the organization was first seen. */
  readonly startFrom: Nanos;
  /** Where the tail begins; undefined before first contact. */
  readonly boundary: Nanos | undefined;
  readonly nextSequence: number;
  /** The tail's durable position, verbatim. */
  readonly tailCheckpoint: string | undefined;
  /** The end of the tail's time that was read. */
  readonly tailCoveredTo: Nanos | undefined;
  readonly newestCreatedAt: Nanos | undefined;
  /** The API's clock at the last sweep. */
  readonly serverDate: Nanos | undefined;
  /** When the last completed re-scan started, by the API's clock. */
  readonly rescanStartedAt: Nanos | undefined;
  readonly lastSuccessAt: string | undefined;
  readonly failure: WorkFailure | undefined;
}

/** Why a job does not go on; kept so that `status` in another process can tell. */
export interface WorkFailure {
  readonly code: string;
  readonly sentence: string;
  readonly since: string;
  /** True when only an operator can help. */
  readonly isStopped: boolean;
}

export interface OrganizationRow {
  readonly id: string;
  readonly name: string;
  readonly cloud_id: string | null;
  readonly label: string | null;
  readonly start_from: string;
  readonly boundary: string | null;
  readonly next_sequence: string;
  readonly tail_checkpoint: string | null;
  readonly tail_covered_to: string | null;
  readonly newest_created_at: string | null;
  readonly server_date: string | null;
  readonly rescan_started_at: string | null;
  readonly last_success_at: string | null;
  readonly failing_since: string | null;
  readonly failure_code: string | null;
  readonly failure: string | null;
  readonly is_stopped: boolean;
}

const columns = `id, name, cloud_id, label, start_from, boundary, next_sequence, tail_checkpoint, tail_covered_to,
  newest_created_at, server_date, rescan_started_at, last_success_at, failing_since, failure_code, failure, is_stopped`;
const selectByName = `SELECT ${columns} FROM ledger.organizations WHERE name = $1`;
const selectByCloudId = `SELECT ${columns} FROM ledger.organizations WHERE cloud_id = $1`;
const selectAll = `SELECT ${columns} FROM ledger.organizations ORDER BY name`;
const insertOrganization = `INSERT INTO ledger.organizations (id, name, cloud_id, label, start_from)
  SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4 FROM ledger.organizations RETURNING ${columns}`;
const pinCloudId = `UPDATE ledger.organizations SET cloud_id = $2, label = $3 WHERE id = $1 AND cloud_id IS NULL`;
const registrationAttemptsMax = 20;

export async function listOrganizations(ledger: Ledger): Promise<Organization[]> {
  const { rows } = await ledger.database.query<OrganizationRow>(selectAll);
  return rows.map(toOrganization);
}

export async function findOrganization(
  ledger: Ledger,
  name: string,
  queryable: Queryable = ledger.database,
): Promise<Organization | undefined> {
  const { rows } = await queryable.query<OrganizationRow>(selectByName, [name]);
  return rows[0] === undefined ? undefined : toOrganization(rows[0]);
}

export interface OrganizationRegistration {
  readonly name: string;
  readonly cloudId: string | undefined;
  readonly label: string | undefined;
  /** Counts only the first time. */
  readonly startFrom: Nanos;
}

/**
 * The organization of this name, made at first sight. Throws `organization_mismatch` when the key belongs to another
 * organization than the one pinned to the name, `organization_renamed` when this organization is here by another name.
 */
export async function registerOrganization(
  ledger: Ledger,
  registration: OrganizationRegistration,
): Promise<Organization> {
  for (let attempt = 1; ; attempt += 1) {
    const known = await findOrganization(ledger, registration.name);
    if (known !== undefined) return await pinIdentity(ledger, known, registration);
    await refuseSecondName(ledger, registration);
    try {
      const added = await addOrganization(ledger, registration);
      announceStep('organization-registered');
      return added;
    } catch (error) {
      // Another process added an organization at the same moment: the name or the next id is taken now.
      // Where nobody knows whether the commit happened, the next look does.
      const isRace =
        error instanceof DatabaseError && (error.sqlState === '23505' || error.code === 'commit_unknown');
      if (!isRace || attempt === registrationAttemptsMax) throw error;
    }
  }
}

async function addOrganization(
  ledger: Ledger,
  registration: OrganizationRegistration,
): Promise<Organization> {
  return await ledger.database.transaction(async (transaction) => {
    const { rows } = await transaction.query<OrganizationRow>(insertOrganization, [
      registration.name,
      registration.cloudId ?? null,
      registration.label ?? null,
      registration.startFrom,
    ]);
    const added = rows.map(toOrganization)[0];
    if (added === undefined) throw new TypeError('INSERT … RETURNING gave no row');
    const detail = { name: added.name, cloudId: added.cloudId };
    await writeJournal(ledger, { what: 'organization_added', organization: added.id, detail }, transaction);
    return added;
  });
}

export function unknownOrganization(name: string): UsageError {
  return new UsageError(
    `The store knows no organization named "${name}". "ccloud-audit status" lists them.`,
    {
      code: 'organization_unknown',
    },
  );
}

async function pinIdentity(
  ledger: Ledger,
  known: Organization,
  registration: OrganizationRegistration,
): Promise<Organization> {
  if (registration.cloudId === undefined || registration.cloudId === known.cloudId) return known;
  if (known.cloudId !== undefined) {
    throw new ExporterError(
      `The key of "${known.name}" belongs to the organization ${registration.cloudId}` +
        `${registration.label === undefined ? '' : ` (${registration.label})`}, but the store holds the log of ` +
        `${known.cloudId} under that name. Put the right key back, or give the other organization a name of its own.`,
      { kind: 'source', code: 'organization_mismatch' },
    );
  }
  await refuseSecondName(ledger, registration);
  await ledger.database.query(pinCloudId, [known.id, registration.cloudId, registration.label ?? null]);
  return (await findOrganization(ledger, known.name)) ?? known;
}

async function refuseSecondName(ledger: Ledger, registration: OrganizationRegistration): Promise<void> {
  if (registration.cloudId === undefined) return;
  const { rows } = await ledger.database.query<OrganizationRow>(selectByCloudId, [registration.cloudId]);
  const other = rows[0];
  if (other === undefined || other.name === registration.name) return;
  throw new ExporterError(
    `The organization ${registration.cloudId} is in the store under the name "${other.name}", not "${registration.name}". ` +
      `Use that name, or run "ccloud-audit organization rename ${other.name} ${registration.name}".`,
    { kind: 'source', code: 'organization_renamed' },
  );
}

function toOrganization(row: OrganizationRow): Organization {
  return {
    id: Number(row.id),
    name: row.name,
    cloudId: row.cloud_id ?? undefined,
    label: row.label ?? undefined,
    startFrom: nanos(BigInt(row.start_from)),
    boundary: optionalTime(row.boundary),
    nextSequence: Number(row.next_sequence),
    tailCheckpoint: row.tail_checkpoint ?? undefined,
    tailCoveredTo: optionalTime(row.tail_covered_to),
    newestCreatedAt: optionalTime(row.newest_created_at),
    serverDate: optionalTime(row.server_date),
    rescanStartedAt: optionalTime(row.rescan_started_at),
    lastSuccessAt: row.last_success_at ?? undefined,
    failure: toFailure(row),
  };
}

/** The failure columns, alike in both rows that hold them. */
export function toFailure(row: {
  readonly failing_since: string | null;
  readonly failure_code: string | null;
  readonly failure: string | null;
  readonly is_stopped: boolean;
}): WorkFailure | undefined {
  if (row.failing_since === null) return undefined;
  return {
    code: row.failure_code ?? 'unknown',
    sentence: row.failure ?? '',
    since: row.failing_since,
    isStopped: row.is_stopped,
  };
}

function optionalTime(text: string | null): Nanos | undefined {
  return text === null ? undefined : nanos(BigInt(text));
}
