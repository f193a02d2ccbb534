import type { Nanos } from '../time.ts';

/** https://www.cockroachlabs.com/docs/cockroachcloud/cloud-api#export-cloud-organization-audit-logs */
export type SortOrder = 'ASC' | 'DESC';

/** One entry of a page: the exact text and what it says. */
export interface AuditEntry {
  /**
   * The entry's JSON text, byte for byte as it was sent; only where it held raw line breaks was white space outside
   * strings dropped, so that it fits one line.
   */
  readonly raw: Buffer;
  /** As in `fields`. */
  readonly id: unknown;
  /** `created_at` as in `fields`. */
  readonly createdAt: unknown;
  /**
   * `JSON.parse(raw)`; whatever the API sends, unknown fields included. Numbers may have lost digits: `raw` has not. Parsed when
   * it is asked for, each time: thousands of entries wait in memory, and their fields take twice the room of their text.
   */
  readonly fields: AuditLogFields;
}

/** The fields known in mid 2026; none is promised, others may come, and every enum is open. */
export interface AuditLogFields {
  readonly id?: unknown;
  readonly created_at?: unknown;
  readonly action?: unknown;
  readonly payload?: unknown;
  readonly [field: string]: unknown;
}

/** One answer of `GET /api/v1/auditlogevents`. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** `next_starting_from`, verbatim: an opaque position. Undefined when the answer has none. */
  readonly nextStartingFrom: string | undefined;
  /** The answer's `Date` header, for comparing with the API's own clock; undefined when missing or unreadable. */
  readonly serverDate: Nanos | undefined;
  /** Size of the answer's body in bytes. */
  readonly bytes: number;
}

export interface AuditPageRequest {
  /** Sent verbatim; omitted: from the organization's creation (ASC) or from now (DESC). */
  readonly startingFrom?: string;
  /** Always sent. */
  readonly sortOrder: SortOrder;
  /** Roughly how many entries; every entry of a timestamp is always returned whole. */
  readonly limit: number;
  /** `tail` goes before `bulk` and has a slot of its own in the rate budget. */
  readonly priority: 'tail' | 'bulk';
  /** Called when the rate budget lets the request go, for each attempt. */
  readonly onStart?: () => void;
  readonly signal: AbortSignal;
}

/** The organization that a key belongs to: `GET /api/v1/organization`. */
export interface OrganizationInfo {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  /** RFC 3339; undefined when the API does not tell. */
  readonly createdAt: string | undefined;
}

/** All that the exporter may do with the Cloud API: look. `run`, `backfill` and `reconcile` get nothing wider. */
export interface AuditSource {
  /** One page. Paced by the key's limiter and retried as the policy allows; rejects with a CloudApiError. */
  auditLogPage(request: AuditPageRequest): Promise<AuditPage>;
  /** The key's organization; undefined where the API answers 404 on that path. */
  organization(options: { readonly signal: AbortSignal }): Promise<OrganizationInfo | undefined>;
  close(): Promise<void>;
}
