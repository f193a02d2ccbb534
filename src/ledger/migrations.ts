/**
 * The tables of the ledger. `ledger.` stands for the configured schema.
 *
 * Statements run one by one, outside transactions (CockroachDB commits at every DDL statement), and are all
 * idempotent, so two processes may run them at once and a crash in the middle is repaired by running them again.
 * Within a major version migrations only add. `compatibleFrom` is the oldest program schema version that can work on
 * the result without harm; a program refuses a store only when that number is above its own.
 */
export interface Migration {
  readonly version: number;
  readonly compatibleFrom: number;
  readonly statements: readonly string[];
  /** What CockroachDB has no word for, and needs none; run behind the others. Nothing that is stored may depend on it. */
  readonly onPostgres?: readonly string[];
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    compatibleFrom: 1,
    statements: [
      // One row per organization: identity, lease, next sequence and the tail's position, so that one UPDATE with the
      // epoch in its WHERE protects them all.
      `CREATE TABLE IF NOT EXISTS ledger.organizations (
        id int8 PRIMARY KEY,
        name text NOT NULL UNIQUE,
        cloud_id text,
        label text,
        start_from int8 NOT NULL,
        boundary int8,
        next_sequence int8 NOT NULL DEFAULT 1,
        tail_checkpoint text,
        tail_covered_to int8,
        newest_created_at int8,
        server_date int8,
        rescan_started_at int8,
        lease_holder text,
        lease_epoch int8 NOT NULL DEFAULT 0,
        lease_until timestamptz,
        last_success_at timestamptz,
        failing_since timestamptz,
        failure_code text,
        failure text,
        is_stopped bool NOT NULL DEFAULT false,
        first_seen_at timestamptz NOT NULL DEFAULT now()
      )`,
      // Finished intervals of time, half-open, in nanoseconds; disjoint and merged.
      `CREATE TABLE IF NOT EXISTS ledger.coverage (
        organization int8 NOT NULL,
        from_time int8 NOT NULL,
        to_time int8 NOT NULL,
        PRIMARY KEY (organization, from_time)
      )`,
      // Intervals being read, each with its own checkpoint. The tail is not among them.
      `CREATE TABLE IF NOT EXISTS ledger.stretches (
        organization int8 NOT NULL,
        from_time int8 NOT NULL,
        to_time int8 NOT NULL,
        checkpoint text,
        PRIMARY KEY (organization, from_time)
      )`,
      // What backfills asked for; whoever holds the organization's lease reads it.
      `CREATE TABLE IF NOT EXISTS ledger.demands (
        id uuid PRIMARY KEY,
        organization int8 NOT NULL,
        from_time int8 NOT NULL,
        to_time int8 NOT NULL,
        requested_by text NOT NULL,
        requested_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        head_sequence int8
      )`,
      `CREATE TABLE IF NOT EXISTS ledger.ledger_rows (
        organization int8 NOT NULL,
        entry uuid NOT NULL,
        sequence int8 NOT NULL,
        created_at int8 NOT NULL,
        line_sha256 bytea NOT NULL,
        content_sha256 bytea NOT NULL,
        segment int8 NOT NULL,
        PRIMARY KEY (organization, entry),
        UNIQUE (organization, sequence)
      )`,
      // The raw lines of consecutive sequences, joined by line feeds and gzipped; created_at holds eight bytes per
      // entry, big-endian nanoseconds, since a line may have no usable time of its own.
      `CREATE TABLE IF NOT EXISTS ledger.segments (
        organization int8 NOT NULL,
        first_sequence int8 NOT NULL,
        last_sequence int8 NOT NULL,
        raw_bytes int8 NOT NULL,
        lines bytea NOT NULL,
        created_at bytea NOT NULL,
        appended_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (organization, first_sequence)
      )`,
      `CREATE TABLE IF NOT EXISTS ledger.changed_entries (
        organization int8 NOT NULL,
        entry uuid NOT NULL,
        content_sha256 bytea NOT NULL,
        sequence int8 NOT NULL,
        line_sha256 bytea NOT NULL,
        raw text NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (organization, entry, content_sha256)
      )`,
      // One row per organization and sink: lease and offset together, for the same reason as above.
      `CREATE TABLE IF NOT EXISTS ledger.deliveries (
        organization int8 NOT NULL,
        sink text NOT NULL,
        type text NOT NULL,
        fingerprint text NOT NULL,
        first_sequence int8 NOT NULL,
        acknowledged int8 NOT NULL,
        lease_holder text,
        lease_epoch int8 NOT NULL DEFAULT 0,
        lease_until timestamptz,
        last_success_at timestamptz,
        failing_since timestamptz,
        failure_code text,
        failure text,
        is_stopped bool NOT NULL DEFAULT false,
        retired_at timestamptz,
        added_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (organization, sink)
      )`,
      // Objects of archive sinks: planned before they are written, confirmed after, kept for ever.
      `CREATE TABLE IF NOT EXISTS ledger.objects (
        organization int8 NOT NULL,
        sink text NOT NULL,
        first_sequence int8 NOT NULL,
        last_sequence int8 NOT NULL,
        key text NOT NULL,
        entries int8 NOT NULL,
        raw_bytes int8 NOT NULL,
        content_sha256 bytea NOT NULL,
        planned_at timestamptz NOT NULL DEFAULT now(),
        confirmed_at timestamptz,
        stored_sha256 bytea,
        stored_bytes int8,
        PRIMARY KEY (organization, sink, first_sequence)
      )`,
      `CREATE TABLE IF NOT EXISTS ledger.parked_entries (
        organization int8 NOT NULL,
        sink text NOT NULL,
        sequence int8 NOT NULL,
        code text NOT NULL,
        reason text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (organization, sink, sequence)
      )`,
      `CREATE TABLE IF NOT EXISTS ledger.journal_entries (
        id uuid PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        organization int8,
        sink text,
        what text NOT NULL,
        detail text NOT NULL,
        actor text NOT NULL
      )`,
      `CREATE INDEX IF NOT EXISTS journal_entries_at ON ledger.journal_entries (at, id)`,
      `CREATE OR REPLACE VIEW ledger.entries AS
        SELECT o.name AS organization, r.entry AS id, r.sequence,
          to_timestamp(CAST(r.created_at AS double precision) / 1000000000) AS created_at,
          r.created_at AS created_at_nanoseconds,
          encode(r.line_sha256, 'hex') AS sha256, encode(r.content_sha256, 'hex') AS content_sha256, r.segment
        FROM ledger.ledger_rows r JOIN ledger.organizations o ON o.id = r.organization`,
      `CREATE OR REPLACE VIEW ledger.changes AS
        SELECT o.name AS organization, c.entry AS id, c.sequence, c.seen_at,
          encode(c.line_sha256, 'hex') AS sha256, encode(c.content_sha256, 'hex') AS content_sha256, c.raw
        FROM ledger.changed_entries c JOIN ledger.organizations o ON o.id = c.organization`,
      `CREATE OR REPLACE VIEW ledger.parked AS
        SELECT o.name AS organization, p.sink, p.sequence, r.entry AS id, p.code, p.reason, p.parked_at
        FROM ledger.parked_entries p JOIN ledger.organizations o ON o.id = p.organization
        LEFT JOIN ledger.ledger_rows r ON r.organization = p.organization AND r.sequence = p.sequence`,
      `CREATE OR REPLACE VIEW ledger.journal AS
        SELECT j.at, o.name AS organization, j.sink, j.what, j.detail, j.actor, j.id
        FROM ledger.journal_entries j LEFT JOIN ledger.organizations o ON o.id = j.organization`,
    ],
  },
  {
    version: 2,
    compatibleFrom: 1,
    statements: [
      // What a digest says of an object beyond its row; made when the object is confirmed, while its entries are at hand.
      // A program of version 1 leaves it out; it is then made from the rows.
      `CREATE TABLE IF NOT EXISTS ledger.object_evidence (
        organization int8 NOT NULL,
        sink text NOT NULL,
        first_sequence int8 NOT NULL,
        merkle_root bytea NOT NULL,
        first_created_at int8 NOT NULL,
        last_created_at int8 NOT NULL,
        first_id text NOT NULL,
        last_id text NOT NULL,
        PRIMARY KEY (organization, sink, first_sequence)
      )`,
      // Digests of archives: planned with their exact bytes before they are written, confirmed after. The bytes go when
      // they are confirmed, the rest stays for ever. Totals are those after the digest.
      `CREATE TABLE IF NOT EXISTS ledger.digests (
        organization int8 NOT NULL,
        sink text NOT NULL,
        number int8 NOT NULL,
        reason text NOT NULL,
        key text NOT NULL,
        payload_sha256 bytea NOT NULL,
        envelope bytea,
        through_sequence int8 NOT NULL,
        objects int8 NOT NULL,
        entries int8 NOT NULL,
        chain_sha256 bytea NOT NULL,
        key_id text,
        next_key_id text,
        planned_at timestamptz NOT NULL,
        confirmed_at timestamptz,
        PRIMARY KEY (organization, sink, number)
      )`,
      // Which lines of the journal and which changed entries a digest lists. Neither has an order of commits, so what is
      // new since the last digest is what is not in here.
      `CREATE TABLE IF NOT EXISTS ledger.digest_journal (
        organization int8 NOT NULL,
        sink text NOT NULL,
        journal_entry uuid NOT NULL,
        number int8 NOT NULL,
        PRIMARY KEY (organization, sink, journal_entry)
      )`,
      `CREATE TABLE IF NOT EXISTS ledger.digest_changes (
        organization int8 NOT NULL,
        sink text NOT NULL,
        entry uuid NOT NULL,
        content_sha256 bytea NOT NULL,
        number int8 NOT NULL,
        PRIMARY KEY (organization, sink, entry, content_sha256)
      )`,
      // A sink that starts at a time gets nothing that was created before it, whenever that is appended. Null: no limit.
      `ALTER TABLE ledger.deliveries ADD COLUMN IF NOT EXISTS from_time int8`,
    ],
  },
  {
    version: 3,
    compatibleFrom: 1,
    statements: [
      // How many parts of a demand are read at once. Null, as an older program leaves it: one after the other.
      `ALTER TABLE ledger.demands ADD COLUMN IF NOT EXISTS parallel int8`,
    ],
  },
  {
    version: 4,
    compatibleFrom: 1,
    statements: [],
    // The lines are packed already. PostgreSQL would try to pack them once more, in vain: 9 of 16 ms for each 800 kB.
    onPostgres: [`ALTER TABLE ledger.segments ALTER COLUMN lines SET STORAGE EXTERNAL`],
  },
];

export const schemaVersion: number = migrations.at(-1)?.version ?? 0;
