import type { TruthEntry } from './audit-log.ts';
import type { HistoryShape } from './history-shape.ts';
import type { SandboxOrganization } from './organization.ts';
import type { RequestRecord } from './request-record.ts';

/** Every option has a default; the same options give the same organization and entries, byte for byte. */
export interface SandboxOptions {
  /** Default 127.0.0.1. The control surface is offered on loopback addresses only. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** The one key that is accepted. Default: a fixed fake one. */
  readonly apiKey?: string;
  /** Entries in the seeded history. Default 1,000. */
  readonly entries?: number;
  /** Entries that are added while it runs. Default 0. */
  readonly growPerSecond?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Trap names, each with an optional rate: `reset=0.05`, `reset=1/7` (every seventh), `reset=x2` (the first two). */
  readonly traps?: readonly string[];
  readonly organization?: Partial<SandboxOrganization>;
  /** Entries are filled up to about this size. Default: as they are, 0.6 to 1 kB. */
  readonly entryBytes?: number;
  /** The vendor's limit is 10. Default: none. */
  readonly requestsPerSecond?: number;
  /** How long every answer takes at least. Default 0. */
  readonly latencyMs?: number;
  /** The sandbox's clock in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  /** How far the history goes back. Default 400. */
  readonly historyDays?: number;
  /** How the history lies in its time. Default `lifelike`. */
  readonly shape?: HistoryShape;
  /** The largest page. Default 1,000. */
  readonly pageLimitMax?: number;
  /** Writes all texts of the history at the start and keeps them: quicker, for as much memory. Default false. */
  readonly prebuild?: boolean;
}

/** An entry to add. Without `raw` the generator writes it, with `fields` in place of its own. */
export interface NewEntry {
  /** Nanoseconds since 1970. Default: the `created_at` of `raw`, else now. A time in the past makes a late entry. */
  readonly createdAt?: bigint;
  readonly raw?: string | Buffer;
  readonly fields?: Readonly<Record<string, unknown>>;
}

interface SandboxCounters {
  /** Requests to the API, whatever came of them. */
  readonly requests: number;
  /** Audit log pages answered, and the entries in them. */
  readonly pages: number;
  readonly entries: number;
  readonly byStatus: Readonly<Record<string, number>>;
}

/** A running stand-in for the Cloud API. */
export interface Sandbox {
  readonly url: string;
  readonly port: number;
  readonly apiKey: string;
  readonly organization: SandboxOrganization;
  /**
   * Every entry there is, ascending by `created_at`, with the bytes that version 2024-09-16 sends. Entries that a trap
   * still holds back are among them, marked as late.
   */
  truth(): readonly TruthEntry[];
  /** The truth as JSON lines: `{"id", "created_at", "sha256", "bytes", "late"}`. */
  truthLines(): Iterable<Buffer>;
  /** Adds entries; they are served from now on. */
  append(entries: readonly NewEntry[]): readonly TruthEntry[];
  /** Gives an entry other content under its id. Throws where no entry has it. */
  change(id: string, mutate: (raw: string) => string): void;
  /** Replaces the traps in force. Those that shape the history can only be set at the start. */
  setTraps(traps: readonly string[]): void;
  revokeKey(): void;
  restoreKey(): void;
  /** Moves the sandbox's clock forward. */
  advance(ms: number): void;
  /** The last 10,000 requests to the API, oldest first. */
  readonly requests: readonly RequestRecord[];
  readonly counters: SandboxCounters;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}
